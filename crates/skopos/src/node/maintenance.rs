//! The thread that flushes what is due, applies retention, and writes metrics made of spans.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use skopos_core::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use super::pause;
use super::stores::NodeStores;

/// Time between two collections of span metrics.
const SPAN_METRICS_EVERY: Duration = Duration::from_secs(15);
/// Collections between two looks at the stores.
const ROUNDS_BETWEEN_MAINTENANCE: u32 = 4;

/// Runs until the end is asked for.
pub(super) fn start(stores: Arc<NodeStores>, shutdown: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("maintenance".to_owned())
        .spawn(move || {
            let mut round = 0u32;
            while pause(&shutdown, SPAN_METRICS_EVERY) {
                stores.collect_span_metrics(SystemClock.now_ms());
                round = round.wrapping_add(1);
                if round.is_multiple_of(ROUNDS_BETWEEN_MAINTENANCE)
                    && let Err(error) = stores.maintain(SystemClock.now_ms())
                {
                    tracing::error!("failed to maintain the stores; trying again in a minute: {error:#}");
                }
            }
        })
        .context("failed to start the maintenance thread")
}
