//! Skopos web.
