//! Skopos traces.
