//! What benchmarks read of their own process.

use std::fs;
use std::path::Path;

/// Resident memory of the process, from `/proc/self/statm`.
pub(crate) fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    field("/proc/self/statm", 1) * PAGE_BYTES
}

/// CPU time of this thread, from `/proc/thread-self/schedstat`.
pub(crate) fn thread_cpu_ns() -> u64 {
    field("/proc/thread-self/schedstat", 0)
}

fn field(path: &str, at: usize) -> u64 {
    let text = fs::read_to_string(Path::new(path)).expect("Linux");
    let word = text.split_whitespace().nth(at).expect("a field");
    word.parse().expect("a number")
}
