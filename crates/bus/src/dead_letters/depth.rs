//! How many letters wait, as a gauge that one process of a bus keeps.

use std::time::Duration;

use prometheus::{IntGaugeVec, Opts, Registry};
use skopos_log_macros::{self as log, chain};
use tokio_util::sync::CancellationToken;

use super::DeadLetters;

/// Keeps `dead_letter_queue_depth{topic}` (letters that wait, by source topic) until cancelled.
///
/// One process of a bus is enough. While the broker is away the last counts stand; that it is away is said once.
pub async fn watch_depth(
    letters: DeadLetters,
    registry: &Registry,
    interval: Duration,
    cancel: CancellationToken,
) -> prometheus::Result<()> {
    let options = Opts::new(
        "dead_letter_queue_depth",
        "Dead letters that were neither replayed nor discarded.",
    );
    let depth = IntGaugeVec::new(options, &["topic"])?;
    registry.register(Box::new(depth.clone()))?;
    let mut interval = tokio::time::interval(interval);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_away = false;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            _ = interval.tick() => {}
        }
        let queues = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            queues = letters.queues() => queues,
        };
        match queues {
            Ok(queues) => {
                if std::mem::take(&mut is_away) {
                    log::info!("dead letters are counted again");
                }
                for queue in queues {
                    let waiting = i64::try_from(queue.waiting).unwrap_or(i64::MAX);
                    depth.with_label_values(&[&queue.source_topic]).set(waiting);
                }
            }
            Err(error) if is_away => log::debug!(error = chain(&error), "dead letters could not be counted"),
            Err(error) => {
                is_away = true;
                log::warn!(
                    error = chain(&error),
                    "dead letters cannot be counted while the bus is away"
                );
            }
        }
    }
}
