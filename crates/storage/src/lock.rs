//! The lock on the data directory: one writer, and a second one is told who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::StorageError;

/// Name of the lock file in the data directory.
pub const LOCK_FILE: &str = "skopos.lock";

/// Longest holder note that is read back.
const MAX_NOTE_BYTES: u64 = 4096;

/// Who holds a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

/// Why the lock could not be taken. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error(
        "lock data directory {}: {}\nstop that process, or choose another directory with --storage.path",
        root.display(),
        holder_text(holder.as_ref())
    )]
    Held {
        /// The data directory.
        root: PathBuf,
        /// Who, if the note could be read.
        holder: Option<LockHolder>,
    },
    /// The directory or the lock file in it cannot be made or written.
    #[error(
        "use {} as data directory: {}\nname a folder that this user may write with --storage.path",
        root.display(),
        cause_text(root, cause)
    )]
    Unusable {
        /// The data directory.
        root: PathBuf,
        /// What cannot be done.
        cause: Box<StorageError>,
    },
}

/// Holds a data directory until dropped. The operating system frees it when the process ends.
#[derive(Debug)]
pub struct DataDirLock {
    file: File,
    root: PathBuf,
}

impl DataDirLock {
    /// Creates the directory where needed and locks it.
    pub fn acquire(root: &Path) -> Result<Self, LockError> {
        let unusable = |cause| LockError::Unusable {
            root: root.to_path_buf(),
            cause: Box::new(cause),
        };
        std::fs::create_dir_all(root).map_err(|source| unusable(StorageError::io("create", root, source)))?;
        let path = root.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| unusable(StorageError::io("open", &path, source)))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    root: root.to_path_buf(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(StorageError::io("lock", &path, source))),
        }
        write_holder(&mut file).map_err(|source| unusable(StorageError::io("write", &path, source)))?;
        Ok(Self {
            file,
            root: root.to_path_buf(),
        })
    }

    /// The directory held.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for DataDirLock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(root = %self.root.display(), %error, "could not unlock the data directory");
        }
    }
}

fn cause_text(root: &Path, cause: &StorageError) -> String {
    if root.exists() && !root.is_dir() {
        return "it is a file".to_owned();
    }
    crate::error_text(cause)
}

fn holder_text(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(holder) => format!(
            "it is in use by process {} on {} since {} UTC",
            holder.pid,
            holder.host,
            crate::day::day_name(holder.since_ms)
        ),
        None => "it is in use by another process".to_owned(),
    }
}

fn read_holder(file: &mut File) -> Option<LockHolder> {
    let mut note = String::new();
    file.rewind().ok()?;
    file.take(MAX_NOTE_BYTES).read_to_string(&mut note).ok()?;
    serde_json::from_str(&note).ok()
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    let holder = LockHolder {
        pid: std::process::id(),
        host: host_name(),
        since_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as i64),
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(&holder)?.as_bytes())?;
    file.flush()
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "an unknown host".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let first = DataDirLock::acquire(dir.path()).expect("free");
        let error = DataDirLock::acquire(dir.path()).expect_err("held");
        let text = error.to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        assert!(text.contains("--storage.path"), "{text}");
        drop(first);
        DataDirLock::acquire(dir.path()).expect("free again");
    }

    #[test]
    fn what_is_no_folder_is_named_with_the_flag() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").expect("written");
        for (root, cause) in [(file.clone(), "it is a file"), (file.join("below"), "Not a directory")] {
            let text = DataDirLock::acquire(&root).expect_err("no folder").to_string();
            assert!(text.contains(&root.display().to_string()), "{text}");
            assert!(text.contains(cause) && text.contains("--storage.path"), "{text}");
        }
    }
}
