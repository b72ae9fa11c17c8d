//! Receivers against servers in this process.
