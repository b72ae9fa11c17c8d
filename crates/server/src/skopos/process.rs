//! What the process uses, read from `/proc/self`; zeros where the system has no such files.

use serde_json::{Value, json};

/// Clock ticks of `/proc/self/stat` per second: fixed by Linux' ABI.
const TICKS_PER_SECOND: f64 = 100.0;
/// Positions after the command's closing parenthesis in `/proc/self/stat` (proc_pid_stat(5)).
const UTIME: usize = 11;
const STIME: usize = 12;
const THREADS: usize = 17;

/// Memory, CPU time, threads and open files.
pub(super) fn status() -> Value {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let open_files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    json!({
        "residentBytes": resident_bytes(),
        "cpuSeconds": (field(UTIME) + field(STIME)) as f64 / TICKS_PER_SECOND,
        "threads": field(THREADS),
        "openFds": open_files,
    })
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
