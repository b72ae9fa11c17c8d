//! Errors of the storage layer.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// Why the storage layer could not do something. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No space is left.
    #[error("{action} {}: the disk is full\nfree space there, or lower the retention", path.display())]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// A record that the log refuses to carry.
    #[error("append a record of {size} bytes: the limit is {limit}")]
    RecordTooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The object store refused.
    #[error("{action} {path}")]
    Object {
        /// What was tried.
        action: &'static str,
        /// Path within the store.
        path: String,
        /// Why not.
        source: object_store::Error,
    },
    /// Parquet could not be written or read.
    #[error("{action} part {path}")]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// Path within the store, or empty while writing to memory.
        path: String,
        /// Why not.
        source: parquet::errors::ParquetError,
    },
    /// Stored bytes are not what was written.
    #[error("read {what}: {reason}")]
    Corrupt {
        /// The file.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A stored file is of a version that a later program wrote.
    #[error(
        "read {what}: it is of version {found}, this program knows up to version {known}\nstart the Skopos that wrote it or a newer one, or restore the data directory as it was before the upgrade; the file is left as it is"
    )]
    LaterVersion {
        /// The file.
        what: String,
        /// Its version.
        found: u64,
        /// The newest version that this program reads.
        known: u64,
    },
    /// The manifest cannot be used.
    #[error("read manifest {}: {reason}\nrestore the file from a backup, or move it away: it is then rebuilt from the parts", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl StorageError {
    /// An error of the operating system, with disk-full told apart.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { action, path },
            _ => Self::Io { action, path, source },
        }
    }

    /// Whether the stored bytes themselves are damaged, so that trying again cannot help.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Parquet { .. })
    }
}

/// An error with everything that caused it, on one line.
pub fn error_text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
