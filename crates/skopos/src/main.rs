//! The Skopos binary.
fn main() {}
