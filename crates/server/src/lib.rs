//! Skopos server.
