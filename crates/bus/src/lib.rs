//! Skopos bus.
