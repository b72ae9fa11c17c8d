//! The thread that flushes what is due, applies retention, and writes metrics made of spans.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use skopos_core::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use super::pause;
use super::stores::NodeStores;

/// Time between two collections of span metrics.
const SPAN_METRICS_EVERY: Duration = Duration::from_secs(15);

/// Runs until the end is asked for; looks at the stores every `maintain_every`.
pub(super) fn start(
    stores: Arc<NodeStores>,
    maintain_every: Duration,
    shutdown: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("maintenance".to_owned())
        .spawn(move || {
            let mut collect_at = Instant::now() + SPAN_METRICS_EVERY;
            let mut maintain_at = Instant::now() + maintain_every;
            let until = |at: Instant| at.saturating_duration_since(Instant::now());
            while pause(&shutdown, until(collect_at.min(maintain_at))) {
                if until(collect_at).is_zero() {
                    stores.collect_span_metrics(SystemClock.now_ms());
                    collect_at = Instant::now() + SPAN_METRICS_EVERY;
                }
                if until(maintain_at).is_zero() {
                    if let Err(error) = stores.maintain(SystemClock.now_ms()) {
                        tracing::error!("failed to maintain the stores; trying again in {maintain_every:?}: {error:#}");
                    }
                    maintain_at = Instant::now() + maintain_every;
                }
            }
        })
        .context("failed to start the maintenance thread")
}
