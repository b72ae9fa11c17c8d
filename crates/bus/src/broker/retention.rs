//! Keeps the embedded broker's memory bounded: trims partition logs and empties the records kept for its own tests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use krafka::testing::{ClusterState, FakeBroker, PartitionState};

use super::BrokerOptions;
use super::stats::Traffic;

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn keep_bounded(fake: Arc<FakeBroker>, options: BrokerOptions, traffic: Arc<Traffic>) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        fake.clear_requests();
        fake.with_state(|state| sweep(state, &options, &traffic));
    }
}

fn sweep(state: &mut ClusterState, options: &BrokerOptions, traffic: &Traffic) {
    state.list_offsets_lookups.clear();
    state.leave_group_members.clear();
    state.consumer_group_heartbeats.clear();
    state.share_session_closes.clear();
    state.telemetry_pushes.clear();
    let groups = &state.groups;
    for (topic, topic_state) in &mut state.topics {
        for (index, partition) in topic_state.partitions.iter_mut().enumerate() {
            let key = (topic.clone(), index as i32);
            // Read by all: the lowest position any group has committed here.
            let read = groups
                .values()
                .filter_map(|group| group.offsets.get(&key))
                .map(|offset| offset.offset)
                .min();
            trim(partition, read, options, traffic);
        }
    }
}

/// Drops whole batches from the front, as Kafka drops segments.
fn trim(partition: &mut PartitionState, read: Option<i64>, options: &BrokerOptions, traffic: &Traffic) {
    let mut bytes: usize = partition.log.iter().map(bytes_len).sum();
    let mut batches = 0;
    for batch in &partition.log {
        let next_start = partition
            .log
            .get(batches + 1)
            .and_then(base_offset)
            .unwrap_or(partition.next_offset);
        let is_read = read.is_some_and(|offset| next_start <= offset);
        let records = (next_start - partition.log_start_offset).max(0) as u64;
        if is_read && bytes > options.retain_read_bytes {
            traffic.trimmed_read.fetch_add(records, Ordering::Relaxed);
        } else if bytes > options.max_partition_bytes {
            traffic.trimmed_unread.fetch_add(records, Ordering::Relaxed);
        } else {
            break;
        }
        partition.log_start_offset = next_start;
        bytes -= bytes_len(batch);
        batches += 1;
    }
    partition.log.drain(..batches);
}

fn bytes_len(batch: &impl AsRef<[u8]>) -> usize {
    batch.as_ref().len()
}

/// The base offset opens a record batch, version 2: 8 bytes, big endian.
fn base_offset(batch: &impl AsRef<[u8]>) -> Option<i64> {
    batch
        .as_ref()
        .first_chunk::<8>()
        .map(|bytes| i64::from_be_bytes(*bytes))
}
