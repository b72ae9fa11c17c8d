//! Keeps `kafka_consumer_lag` true even while a handler is stuck: asks the broker, apart from the read loop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use skopos_log_macros::{self as log, chain};
use tokio_util::sync::CancellationToken;

use super::ConsumerOptions;
use super::member::Member;
use crate::BusMetrics;
use crate::offsets::OffsetTracker;

/// How long the broker may take to tell the end of a log.
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn report(
    consumer: Arc<Member>,
    offsets: Arc<Mutex<OffsetTracker>>,
    metrics: BusMetrics,
    options: ConsumerOptions,
    cancel: CancellationToken,
) {
    let mut interval = tokio::time::interval(options.lag_interval);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = interval.tick() => {}
        }
        let (consumer, offsets, metrics, group) = (
            Arc::clone(&consumer),
            Arc::clone(&offsets),
            metrics.clone(),
            options.group.clone(),
        );
        // Watermark requests block; one task at a time, each bounded by its timeout.
        let round = tokio::task::spawn_blocking(move || measure(&consumer, &offsets, &metrics, &group));
        tokio::select! {
            // With the broker away a round takes seconds; it ends by itself.
            () = cancel.cancelled() => return,
            result = round => {
                if let Err(error) = result {
                    log::warn!(error = chain(&error), "lag could not be measured");
                }
            }
        }
    }
}

fn measure(consumer: &StreamConsumer, offsets: &Mutex<OffsetTracker>, metrics: &BusMetrics, group: &str) {
    let Ok(assigned) = consumer.assignment() else { return };
    let read = offsets.lock().unwrap_or_else(PoisonError::into_inner).positions();
    for element in assigned.elements() {
        let (topic, partition) = (element.topic(), element.partition());
        let Ok((low, high)) = consumer.fetch_watermarks(topic, partition, WATERMARK_TIMEOUT) else {
            continue;
        };
        let local = read
            .iter()
            .find(|(t, p, committed)| t == topic && *p == partition && *committed > 0);
        let committed = match local {
            Some((_, _, committed)) => *committed,
            // Nothing read here yet: what an earlier member committed, else the start of the log.
            None => committed_before(consumer, topic, partition).unwrap_or(low),
        };
        let lag = (high - committed.max(low)).max(0);
        metrics
            .lag
            .with_label_values(&[group, topic, &partition.to_string()])
            .set(lag);
    }
}

fn committed_before(consumer: &StreamConsumer, topic: &str, partition: i32) -> Option<i64> {
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition(topic, partition);
    let list = consumer.committed_offsets(list, WATERMARK_TIMEOUT).ok()?;
    list.find_partition(topic, partition)?
        .offset()
        .to_raw()
        .filter(|offset| *offset >= 0)
}
