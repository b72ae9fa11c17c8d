//! What can go wrong while a data directory is read.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be read. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum TsdbError {
    /// The operating system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried, such as `open`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Bytes are not what Prometheus writes.
    #[error("read {} at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The folder is none of Prometheus'.
    #[error(
        "find blocks or a write-ahead log in {}\nname the folder that --storage.tsdb.path of Prometheus names",
        path.display()
    )]
    NotADataDir {
        /// The folder.
        path: PathBuf,
    },
}

impl TsdbError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            offset,
            reason: reason.into(),
        }
    }

    /// Whether bytes are wrong, not the reading of them.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}
