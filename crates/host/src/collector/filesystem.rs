//! File systems: size and use of every mount that holds data.

use std::collections::HashSet;

use procfs::MountEntry;
use rustix::fs::{StatVfs, StatVfsMountFlags};

use super::proc_error;
use crate::HostError;
use crate::family::Families;

/// Kinds that hold no data of their own, as node_exporter leaves them out by default.
const LEFT_OUT_KINDS: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];

/// Places below which mounts belong to the system or to containers.
const LEFT_OUT_PLACES: &[&str] = &[
    "/dev",
    "/proc",
    "/sys",
    "/run/credentials",
    "/var/lib/docker",
    "/var/lib/containers/storage",
];

/// `node_filesystem_*`.
pub(super) fn filesystem(families: &mut Families) -> Result<(), HostError> {
    let mut seen = HashSet::new();
    for mount in procfs::mounts().map_err(proc_error("/proc/mounts"))? {
        if !is_left_out(&mount) && seen.insert((mount.fs_spec.clone(), mount.fs_file.clone())) {
            one_mount(families, &mount);
        }
    }
    Ok(())
}

fn one_mount(families: &mut Families, mount: &MountEntry) {
    let labels = [
        ("device", mount.fs_spec.as_str()),
        ("fstype", mount.fs_vfstype.as_str()),
        ("mountpoint", mount.fs_file.as_str()),
    ];
    let stat = rustix::fs::statvfs(mount.fs_file.as_str());
    let failed = f64::from(u8::from(stat.is_err()));
    families.gauge(
        "node_filesystem_device_error",
        "Whether the file system could not be asked.",
        &labels,
        failed,
    );
    if let Ok(stat) = stat {
        for (name, help, value) in values(&stat) {
            families.gauge(name, help, &labels, value);
        }
    }
}

fn values(stat: &StatVfs) -> [(&'static str, &'static str, f64); 6] {
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    let readonly = stat.f_flag.contains(StatVfsMountFlags::RDONLY);
    [
        (
            "node_filesystem_size_bytes",
            "Size of the file system.",
            bytes(stat.f_blocks),
        ),
        (
            "node_filesystem_free_bytes",
            "Free bytes, those kept for root included.",
            bytes(stat.f_bfree),
        ),
        (
            "node_filesystem_avail_bytes",
            "Free bytes for everybody.",
            bytes(stat.f_bavail),
        ),
        ("node_filesystem_files", "Most files there can be.", stat.f_files as f64),
        (
            "node_filesystem_files_free",
            "Files that can still be made.",
            stat.f_ffree as f64,
        ),
        (
            "node_filesystem_readonly",
            "Whether it is mounted read-only.",
            f64::from(u8::from(readonly)),
        ),
    ]
}

fn is_left_out(mount: &MountEntry) -> bool {
    let below = |place: &&str| mount.fs_file == *place || mount.fs_file.starts_with(&format!("{place}/"));
    LEFT_OUT_KINDS.contains(&mount.fs_vfstype.as_str()) || LEFT_OUT_PLACES.iter().any(below)
}
