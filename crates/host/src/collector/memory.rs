//! Memory: every line of /proc/meminfo, and the paging counters of /proc/vmstat.

use super::io_error;
use crate::HostError;
use crate::family::Families;

const MEMINFO: &str = "/proc/meminfo";
const VMSTAT: &str = "/proc/vmstat";

/// `node_memory_<key>_bytes` for sizes, `node_memory_<key>` for counts.
pub(super) fn meminfo(families: &mut Families) -> Result<(), HostError> {
    let text = std::fs::read_to_string(MEMINFO).map_err(io_error(MEMINFO))?;
    for line in text.lines() {
        if let Some((name, value)) = meminfo_line(line) {
            families.gauge(&name, "A line of /proc/meminfo.", &[], value);
        }
    }
    Ok(())
}

/// `Active(anon):   12 kB` is `node_memory_Active_anon_bytes 12288`.
fn meminfo_line(line: &str) -> Option<(String, f64)> {
    let (key, rest) = line.split_once(':')?;
    let mut words = rest.split_whitespace();
    let value: f64 = words.next()?.parse().ok()?;
    let key = key.replace('(', "_").replace(')', "");
    match words.next() {
        Some("kB") => Some((format!("node_memory_{key}_bytes"), value * 1024.0)),
        _ => Some((format!("node_memory_{key}"), value)),
    }
}

/// Paging, swapping, page faults and out-of-memory kills.
pub(super) fn vmstat(families: &mut Families) -> Result<(), HostError> {
    let text = std::fs::read_to_string(VMSTAT).map_err(io_error(VMSTAT))?;
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(' ')
            && matches!(
                key,
                "oom_kill" | "pgpgin" | "pgpgout" | "pswpin" | "pswpout" | "pgfault" | "pgmajfault"
            )
            && let Ok(value) = value.trim().parse()
        {
            families.counter(&format!("node_vmstat_{key}"), "A counter of /proc/vmstat.", &[], value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_meminfo() {
        assert_eq!(
            meminfo_line("MemTotal:  2 kB"),
            Some(("node_memory_MemTotal_bytes".into(), 2048.0))
        );
        assert_eq!(
            meminfo_line("Active(anon): 1 kB"),
            Some(("node_memory_Active_anon_bytes".into(), 1024.0))
        );
        assert_eq!(
            meminfo_line("HugePages_Total:  3"),
            Some(("node_memory_HugePages_Total".into(), 3.0))
        );
        assert_eq!(meminfo_line("nonsense"), None);
    }
}
