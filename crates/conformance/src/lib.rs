//! Skopos conformance.
