//! The Kafka consumer, closed on a thread of its own: closing blocks, and without a broker it may never end.

use std::ops::Deref;

use rdkafka::consumer::StreamConsumer;
use skopos_log_macros::{self as log, chain};
use tokio_util::sync::CancellationToken;

/// A group member that leaves when it is dropped, wherever that happens.
pub(super) struct Member {
    inner: Option<StreamConsumer>,
    left: CancellationToken,
}

impl Member {
    pub(super) fn new(inner: StreamConsumer) -> Self {
        Self {
            inner: Some(inner),
            left: CancellationToken::new(),
        }
    }

    /// Cancelled once the group has been left.
    pub(super) fn left(&self) -> CancellationToken {
        self.left.clone()
    }
}

impl Deref for Member {
    type Target = StreamConsumer;

    fn deref(&self) -> &StreamConsumer {
        self.inner.as_ref().expect("taken only when dropped")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let (inner, left) = (self.inner.take(), self.left.clone());
        let closing = std::thread::Builder::new().name("bus-leave".to_owned());
        let spawned = closing.spawn(move || {
            drop(inner);
            left.cancel();
        });
        if let Err(error) = spawned {
            log::warn!(error = chain(&error), "no thread to leave the group on");
        }
    }
}
