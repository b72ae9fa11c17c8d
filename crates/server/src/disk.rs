//! How much of a disk a folder takes and leaves.

use std::path::Path;

/// Folders below the data directory that are looked into; deeper ones do not occur.
const MAX_DEPTH: usize = 8;

/// Bytes used by a folder and free on its file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DiskUsage {
    pub(crate) used_bytes: u64,
    pub(crate) free_bytes: u64,
}

/// Looks at the files below `path`; what cannot be read counts nothing.
pub(crate) fn usage(path: &Path) -> DiskUsage {
    DiskUsage {
        used_bytes: folder_bytes(path, MAX_DEPTH),
        free_bytes: rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize)),
    }
}

fn folder_bytes(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let entries = entries.filter_map(Result::ok);
    entries
        .filter_map(|entry| Some((entry.metadata().ok()?, entry)))
        .map(|(metadata, entry)| match metadata.is_dir() {
            true if depth > 0 => folder_bytes(&entry.path(), depth - 1),
            true => 0,
            false => metadata.len(),
        })
        .sum()
}
