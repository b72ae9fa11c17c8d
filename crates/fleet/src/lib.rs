//! Skopos fleet.
