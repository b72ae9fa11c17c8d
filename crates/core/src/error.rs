//! The one small code every error carries to the doors, and the errors of the store traits.
//!
//! Doors map [`ErrorKind`] to their protocol's status once; nothing else decides statuses.

/// What kind of failure an error is, as far as a caller at a door can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is malformed; sending it again unchanged cannot work (HTTP 400).
    BadRequest,
    /// No valid credentials (HTTP 401).
    Unauthenticated,
    /// Valid credentials without the scope (HTTP 403).
    Forbidden,
    /// The thing named does not exist (HTTP 404).
    NotFound,
    /// It clashes with what exists (HTTP 409).
    Conflict,
    /// A limit of the tenant is reached; try later (HTTP 429).
    TooMany,
    /// The time allowed ran out (HTTP 503 in Prometheus' API).
    Timeout,
    /// The caller went away or asked to stop (HTTP 499).
    Cancelled,
    /// Not able to serve now; try later (HTTP 503).
    Unavailable,
    /// A fault of ours (HTTP 500).
    Internal,
}

/// Implemented by every error that may reach a door.
pub trait Kinded {
    /// The kind of failure.
    fn kind(&self) -> ErrorKind;
}

/// A failed read from a store.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The query's budget ended it.
    #[error(transparent)]
    Budget(#[from] crate::BudgetError),
    /// A part or the head could not be read.
    #[error("failed to read {what}: {reason}")]
    Storage {
        /// The part or structure.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Kinded for ReadError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Budget(error) => error.kind(),
            Self::Storage { .. } => ErrorKind::Internal,
        }
    }
}

/// A write that a store refused whole. Items refused one by one are in the append report.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The write-ahead log could not take the record (disk full, I/O error).
    #[error("failed to write to the write-ahead log: {reason}")]
    Wal {
        /// Why, with the path.
        reason: String,
    },
    /// A part, the manifest or another file of the store could not be written or read.
    #[error("failed to {action}: {reason}")]
    Storage {
        /// What was being done, such as `delete series`.
        action: &'static str,
        /// Why, with the path.
        reason: String,
    },
    /// The store is stopping or replaying.
    #[error("the store is not ready: {reason}")]
    NotReady {
        /// Why.
        reason: String,
    },
}

impl Kinded for WriteError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}
