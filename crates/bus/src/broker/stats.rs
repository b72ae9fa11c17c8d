//! What the embedded broker knows of itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use krafka::testing::ClusterState;

/// Counters that front listener and housekeeper keep.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) connections: AtomicU64,
    pub(super) connections_total: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) trimmed_read: AtomicU64,
    pub(super) trimmed_unread: AtomicU64,
    pub(super) refuse: AtomicBool,
}

/// Figures of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerStats {
    /// Every partition, by topic and number.
    pub partitions: Vec<PartitionStats>,
    /// Every committed position.
    pub groups: Vec<GroupStats>,
    /// Client connections now.
    pub connections: u64,
    /// Client connections since the start.
    pub connections_total: u64,
    /// Bytes received from clients.
    pub bytes_in: u64,
    /// Bytes sent to clients.
    pub bytes_out: u64,
    /// Records dropped after every group had read them.
    pub trimmed_read: u64,
    /// Records dropped unread because a partition was full.
    pub trimmed_unread: u64,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStats {
    /// Topic.
    pub topic: String,
    /// Number in the topic.
    pub partition: i32,
    /// Oldest offset kept.
    pub oldest_offset: i64,
    /// Offset of the next record.
    pub next_offset: i64,
    /// Bytes kept.
    pub log_bytes: u64,
}

/// One group's position in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStats {
    /// Group.
    pub group: String,
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Committed offset.
    pub offset: i64,
    /// Records behind the end of the log.
    pub lag: i64,
}

impl BrokerStats {
    pub(super) fn read(state: &ClusterState, traffic: &Traffic) -> Self {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = Self {
            partitions: partitions(state),
            groups: groups(state),
            connections: load(&traffic.connections),
            connections_total: load(&traffic.connections_total),
            bytes_in: load(&traffic.bytes_in),
            bytes_out: load(&traffic.bytes_out),
            trimmed_read: load(&traffic.trimmed_read),
            trimmed_unread: load(&traffic.trimmed_unread),
        };
        stats
            .partitions
            .sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        stats
            .groups
            .sort_by(|a, b| (&a.group, &a.topic, a.partition).cmp(&(&b.group, &b.topic, b.partition)));
        stats
    }
}

fn partitions(state: &ClusterState) -> Vec<PartitionStats> {
    let mut all = Vec::new();
    for (topic, topic_state) in &state.topics {
        for (index, partition) in topic_state.partitions.iter().enumerate() {
            all.push(PartitionStats {
                topic: topic.clone(),
                partition: index as i32,
                oldest_offset: partition.log_start_offset,
                next_offset: partition.next_offset,
                log_bytes: partition.log.iter().map(|batch| batch.len() as u64).sum(),
            });
        }
    }
    all
}

fn groups(state: &ClusterState) -> Vec<GroupStats> {
    let mut all = Vec::new();
    for (group, group_state) in &state.groups {
        for ((topic, partition), committed) in &group_state.offsets {
            let end = state
                .partition(topic, *partition)
                .map_or(committed.offset, |p| p.next_offset);
            all.push(GroupStats {
                group: group.clone(),
                topic: topic.clone(),
                partition: *partition,
                offset: committed.offset,
                lag: (end - committed.offset).max(0),
            });
        }
    }
    all
}
