//! Errors of the trace store.

use skopos_core::ReadError;
use skopos_storage::{StorageError, error_text};

use crate::record::RecordError;

/// Why a trace store could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the trace store")]
pub struct OpenError(#[from] pub StorageError);

/// Why spans could not be brought from the head to parts.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The storage refused; the spans stay in the head and in the log.
    #[error("failed to flush spans")]
    Storage(#[from] StorageError),
    /// A span could not be put into columns.
    #[error("failed to encode spans: {0}")]
    Encode(String),
}

pub(crate) fn head_error(error: &RecordError) -> ReadError {
    ReadError::Storage {
        what: "the head of traces".to_owned(),
        reason: error.to_string(),
    }
}

pub(crate) fn part_error(part: &str, error: &StorageError) -> ReadError {
    ReadError::Storage {
        what: part.to_owned(),
        reason: error_text(error),
    }
}
