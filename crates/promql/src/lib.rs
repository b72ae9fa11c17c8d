//! Skopos promql.
