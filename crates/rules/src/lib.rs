//! Skopos rules.
