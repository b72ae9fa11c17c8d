//! What others see of the queues.

use std::sync::atomic::Ordering;

use skopos_server::views::{RemoteWriteStatus, RemoteWriteView};

use super::RemoteWrites;
use super::queue::Queue;

impl RemoteWriteView for RemoteWrites {
    fn remotes(&self) -> Vec<RemoteWriteStatus> {
        self.common.running.load().iter().map(|queue| queue.status()).collect()
    }
}

impl Queue {
    fn status(&self) -> RemoteWriteStatus {
        let counts = &self.counts;
        let last_success_ms = counts.last_success_ms.load(Ordering::Relaxed);
        RemoteWriteStatus {
            name: self.remote().name.clone(),
            url: self.remote().url.clone(),
            message: self.remote().config.protobuf_message.clone(),
            shards: self.shards().len(),
            desired_shards: self.desired.load(Ordering::Relaxed),
            pending: self.pending(),
            behind: counts.behind(),
            backlog_bytes: self.backlog_bytes(),
            sent: counts.sent.load(Ordering::Relaxed) - counts.failed.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            is_failing: counts.is_failing.load(Ordering::Relaxed),
            last_success_ms: (last_success_ms > 0).then_some(last_success_ms),
            last_error: counts.last_error.lock().clone(),
        }
    }
}
