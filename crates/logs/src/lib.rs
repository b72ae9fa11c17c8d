//! Skopos logs.
