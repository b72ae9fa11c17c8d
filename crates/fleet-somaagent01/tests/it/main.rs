//! The pack's files for clusters and containers say what the system is.

mod deployment;
