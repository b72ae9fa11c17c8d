//! Skopos logql.
