//! Skopos storage.
