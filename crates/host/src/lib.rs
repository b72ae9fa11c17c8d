//! Skopos host.
