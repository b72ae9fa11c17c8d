//! What can go wrong with the state.

use std::path::PathBuf;

/// The state could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be opened, or is not ours.
    #[error("failed to open the state in {}: {source}; move the file away to start without silences, incidents and history", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The file was written by a newer version.
    #[error("{} has schema version {found}, this version knows {known}: start the newer one, or move the file away", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// A statement failed.
    #[error("the state could not be {doing}: {source}")]
    Statement {
        /// `read` or `written`.
        doing: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

impl StateError {
    pub(crate) fn reading(source: sqlx::Error) -> Self {
        Self::Statement { doing: "read", source }
    }

    pub(crate) fn writing(source: sqlx::Error) -> Self {
        Self::Statement {
            doing: "written",
            source,
        }
    }
}
