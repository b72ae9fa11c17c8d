//! A log that refuses records is counted with each, and told when it begins and when it is over.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{StorageError, error_text, telemetry};

/// Appends refused since one was taken.
#[derive(Debug, Default)]
pub(super) struct Outage {
    refused: AtomicU64,
}

impl Outage {
    /// Notes what became of an append.
    pub(super) fn note(&self, signal: &str, error: Option<&StorageError>) {
        let Some(error) = error else {
            if self.refused.load(Ordering::Relaxed) > 0 {
                let refused = self.refused.swap(0, Ordering::Relaxed);
                tracing::warn!(signal, refused, "the write-ahead log takes records again");
            }
            return;
        };
        telemetry::WAL_FAILURES.with_label_values(&[signal, "append"]).inc();
        // A record that is too large says nothing of those after it.
        let is_outage = !matches!(error, StorageError::RecordTooLarge { .. });
        if is_outage && self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                signal,
                error = error_text(error),
                "the write-ahead log takes no records; senders are told to try again"
            );
        }
    }
}
