//! Block devices, from /proc/diskstats.

use procfs::DiskStat;

use super::proc_error;
use crate::HostError;
use crate::family::Families;

/// The kernel counts sectors of this size whatever the device's own is.
const SECTOR_BYTES: f64 = 512.0;

/// `node_disk_*` of every device but RAM disks, loop devices and partitions.
pub(super) fn diskstats(families: &mut Families) -> Result<(), HostError> {
    for disk in procfs::diskstats().map_err(proc_error("/proc/diskstats"))? {
        if !is_left_out(&disk.name) {
            counters(families, &disk);
            let labels = [("device", disk.name.as_str())];
            families.gauge("node_disk_io_now", "I/Os under way.", &labels, disk.in_progress as f64);
        }
    }
    Ok(())
}

fn counters(families: &mut Families, disk: &DiskStat) {
    let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
    let bytes = |sectors: u64| sectors as f64 * SECTOR_BYTES;
    let values = [
        ("node_disk_reads_completed_total", "Reads completed.", disk.reads as f64),
        (
            "node_disk_reads_merged_total",
            "Reads merged with others.",
            disk.merged as f64,
        ),
        ("node_disk_read_bytes_total", "Bytes read.", bytes(disk.sectors_read)),
        (
            "node_disk_read_time_seconds_total",
            "Time spent by all reads.",
            seconds(disk.time_reading),
        ),
        (
            "node_disk_writes_completed_total",
            "Writes completed.",
            disk.writes as f64,
        ),
        (
            "node_disk_writes_merged_total",
            "Writes merged with others.",
            disk.writes_merged as f64,
        ),
        (
            "node_disk_written_bytes_total",
            "Bytes written.",
            bytes(disk.sectors_written),
        ),
        (
            "node_disk_write_time_seconds_total",
            "Time spent by all writes.",
            seconds(disk.time_writing),
        ),
        (
            "node_disk_io_time_seconds_total",
            "Time in which I/O was under way.",
            seconds(disk.time_in_progress),
        ),
        (
            "node_disk_io_time_weighted_seconds_total",
            "Time in which I/O was under way, times their number.",
            seconds(disk.weighted_time_in_progress),
        ),
    ];
    let labels = [("device", disk.name.as_str())];
    for (name, help, value) in values {
        families.counter(name, help, &labels, value);
    }
}

/// Devices that node_exporter leaves out by default: RAM disks, loop devices, floppies and the
/// partitions of disks.
fn is_left_out(name: &str) -> bool {
    let digits_after = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if ["ram", "loop", "fd"].iter().any(|prefix| digits_after(prefix)) {
        return true;
    }
    let is_disk = ["sd", "hd", "vd", "xvd"].iter().any(|prefix| name.starts_with(prefix));
    let is_nvme_partition =
        name.starts_with("nvme") && name.rsplit_once('p').is_some_and(|(_, end)| end.parse::<u16>().is_ok());
    (is_disk && name.ends_with(|c: char| c.is_ascii_digit())) || is_nvme_partition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_loops_are_left_out() {
        for name in ["ram0", "loop12", "sda1", "vda2", "nvme0n1p3"] {
            assert!(is_left_out(name), "{name}");
        }
        for name in ["sda", "vda", "nvme0n1", "dm-0", "md127", "zram0"] {
            assert!(!is_left_out(name), "{name}");
        }
    }
}
