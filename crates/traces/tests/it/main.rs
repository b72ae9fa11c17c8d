//! The trace store as a whole: killed while it writes, and read from files of older versions.

mod crash;
mod golden;
mod sizes;
mod spans;
