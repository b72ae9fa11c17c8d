//! Skopos config.
