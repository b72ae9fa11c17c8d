//! Metadata of families, sent at an interval beside the samples. Version 2.0 sends it with them.

use std::sync::Arc;

use skopos_core::TenantId;
use skopos_core::metric::{MetricMetadata, MetricSource as _};
use skopos_remote_write::{Backoff, Message, Sent, Verdict, metadata_body};
use tokio_util::sync::CancellationToken;

use super::queue::Queue;

/// Sends all metadata at each interval until the queue ends.
pub(super) async fn run(queue: Arc<Queue>, end: CancellationToken) {
    let config = &queue.remote().config.metadata_config;
    if !config.send || queue.remote().message == Message::V2 {
        return;
    }
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(config.send_interval) => {}
        }
        let store = queue.common.store.tenant(&TenantId::default());
        let known = tokio::task::spawn_blocking(move || store.metadata(None)).await;
        let Ok(Ok(known)) = known else {
            tracing::error!(
                remote = queue.remote().name,
                "failed to read the metadata that is to be sent"
            );
            continue;
        };
        let batch = usize::try_from(config.max_samples_per_send.max(1)).unwrap_or(usize::MAX);
        for entries in known.chunks(batch) {
            tokio::select! {
                () = end.cancelled() => return,
                () = send(&queue, entries) => {}
            }
        }
    }
}

/// Tries until the entries are taken or refused, or until newer ones are due.
async fn send(queue: &Queue, entries: &[MetricMetadata]) {
    let remote = queue.remote();
    let count = entries.len() as u64;
    let limits = &remote.config.queue_config;
    let mut backoff = Backoff::new(limits.min_backoff, limits.max_backoff);
    let attempts = async {
        loop {
            let body = metadata_body(entries).map_err(|error| error.to_string())?;
            let posted = remote.client.post(remote.message, body, Sent::default()).await;
            match posted.verdict {
                Verdict::Taken(_) => return Ok(()),
                Verdict::Refused(..) => return Err(posted.text),
                Verdict::Again { after } => {
                    queue.metrics.metadata_retried(count);
                    tokio::time::sleep(backoff.pause(after)).await;
                }
            }
        }
    };
    match tokio::time::timeout(remote.config.metadata_config.send_interval, attempts).await {
        Ok(Ok(())) => queue.metrics.metadata(count),
        Ok(Err(text)) => {
            queue.metrics.metadata_failed(count);
            tracing::warn!(remote = remote.name, "{} refused metadata: {text}", remote.url);
        }
        Err(_) => queue.metrics.metadata_failed(count),
    }
}
