//! Skopos metrics.
