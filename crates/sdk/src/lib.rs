//! Skopos sdk.
