//! Skopos wire.
