//! What the embedded broker holds, read at each scrape. Names follow kafka_exporter where it has one.

use std::collections::BTreeMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts};
use skopos_bus::BrokerStats;

/// Reads the figures of a broker.
pub(super) struct BrokerCollector<F> {
    stats: F,
    gauges: Gauges,
    counters: Counters,
}

struct Gauges {
    topics: IntGauge,
    partitions: IntGaugeVec,
    end_offset: IntGaugeVec,
    start_offset: IntGaugeVec,
    retained: IntGaugeVec,
    log_bytes: IntGaugeVec,
    groups: IntGauge,
    group_offset: IntGaugeVec,
    lag: IntGaugeVec,
    connections: IntGauge,
}

/// Totals that the broker keeps itself.
struct Counters {
    connections: prometheus::IntCounter,
    bytes: prometheus::IntCounterVec,
    dropped: prometheus::IntCounterVec,
}

impl<F: Fn() -> BrokerStats + Send + Sync> BrokerCollector<F> {
    pub(super) fn new(stats: F) -> prometheus::Result<Self> {
        Ok(Self {
            stats,
            gauges: Gauges::new()?,
            counters: Counters::new()?,
        })
    }
}

impl Gauges {
    fn new() -> prometheus::Result<Self> {
        let partition = ["topic", "partition"];
        let group = ["group", "topic", "partition"];
        Ok(Self {
            topics: IntGauge::new("kafka_topics", "Topics.")?,
            partitions: gauge("kafka_topic_partitions", "Partitions of the topic.", &["topic"])?,
            end_offset: gauge(
                "kafka_topic_partition_current_offset",
                "Offset of the next record.",
                &partition,
            )?,
            start_offset: gauge("kafka_topic_partition_oldest_offset", "Oldest offset kept.", &partition)?,
            retained: gauge("kafka_topic_partition_records", "Records kept.", &partition)?,
            log_bytes: gauge("kafka_log_size_bytes", "Bytes of records kept.", &partition)?,
            groups: IntGauge::new("kafka_consumergroups", "Consumer groups with a committed offset.")?,
            group_offset: gauge("kafka_consumergroup_current_offset", "Committed offset.", &group)?,
            lag: gauge(
                "kafka_consumer_lag",
                "Records between the end of the log and the committed offset.",
                &group,
            )?,
            connections: IntGauge::new("kafka_connections", "Client connections.")?,
        })
    }

    fn parts(&self) -> [&dyn Collector; 10] {
        [
            &self.topics,
            &self.partitions,
            &self.end_offset,
            &self.start_offset,
            &self.retained,
            &self.log_bytes,
            &self.groups,
            &self.group_offset,
            &self.lag,
            &self.connections,
        ]
    }

    fn set(&self, stats: &BrokerStats) {
        let mut partitions_of: BTreeMap<&str, i64> = BTreeMap::new();
        for partition in &stats.partitions {
            *partitions_of.entry(&partition.topic).or_default() += 1;
            let number = partition.partition.to_string();
            let labels = [partition.topic.as_str(), number.as_str()];
            self.end_offset.with_label_values(&labels).set(partition.next_offset);
            self.start_offset
                .with_label_values(&labels)
                .set(partition.oldest_offset);
            self.retained
                .with_label_values(&labels)
                .set(partition.next_offset - partition.oldest_offset);
            self.log_bytes
                .with_label_values(&labels)
                .set(partition.log_bytes as i64);
        }
        self.topics.set(partitions_of.len() as i64);
        for (topic, count) in partitions_of {
            self.partitions.with_label_values(&[topic]).set(count);
        }
        let mut groups: Vec<&str> = stats.groups.iter().map(|group| group.group.as_str()).collect();
        groups.dedup();
        self.groups.set(groups.len() as i64);
        for group in &stats.groups {
            let number = group.partition.to_string();
            let labels = [group.group.as_str(), group.topic.as_str(), number.as_str()];
            self.group_offset.with_label_values(&labels).set(group.offset);
            self.lag.with_label_values(&labels).set(group.lag);
        }
        self.connections.set(stats.connections as i64);
    }
}

impl Counters {
    fn new() -> prometheus::Result<Self> {
        let counter =
            |name: &str, help: &str, label: &str| prometheus::IntCounterVec::new(Opts::new(name, help), &[label]);
        Ok(Self {
            connections: prometheus::IntCounter::new("kafka_connections_opened_total", "Client connections opened.")?,
            bytes: counter("kafka_network_bytes_total", "Bytes to and from clients.", "direction")?,
            dropped: counter(
                "kafka_records_dropped_total",
                "Records dropped from the logs: read by every group, or unread because a partition was full.",
                "reason",
            )?,
        })
    }

    fn parts(&self) -> [&dyn Collector; 3] {
        [&self.connections, &self.bytes, &self.dropped]
    }

    fn set(&self, stats: &BrokerStats) {
        raise(&self.connections, stats.connections_total);
        raise(&self.bytes.with_label_values(&["in"]), stats.bytes_in);
        raise(&self.bytes.with_label_values(&["out"]), stats.bytes_out);
        raise(&self.dropped.with_label_values(&["read"]), stats.trimmed_read);
        raise(&self.dropped.with_label_values(&["unread"]), stats.trimmed_unread);
    }
}

/// A counter only moves forward; two scrapes at once may read out of order.
fn raise(counter: &prometheus::IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn gauge(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}

impl<F: Fn() -> BrokerStats + Send + Sync> Collector for BrokerCollector<F> {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.parts().into_iter().flat_map(Collector::desc);
        gauges
            .chain(self.counters.parts().into_iter().flat_map(Collector::desc))
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stats = (self.stats)();
        self.gauges.set(&stats);
        self.counters.set(&stats);
        let gauges = self.gauges.parts().into_iter().flat_map(Collector::collect);
        gauges
            .chain(self.counters.parts().into_iter().flat_map(Collector::collect))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skopos_bus::{GroupStats, PartitionStats};

    #[test]
    fn figures_become_series() {
        let stats = BrokerStats {
            partitions: vec![PartitionStats {
                topic: "t".to_owned(),
                partition: 0,
                oldest_offset: 3,
                next_offset: 10,
                log_bytes: 512,
            }],
            groups: vec![GroupStats {
                group: "g".to_owned(),
                topic: "t".to_owned(),
                partition: 0,
                offset: 8,
                lag: 2,
            }],
            trimmed_unread: 4,
            ..BrokerStats::default()
        };
        let registry = prometheus::Registry::new();
        let collector = BrokerCollector::new(move || stats.clone()).expect("names are distinct");
        registry.register(Box::new(collector)).expect("nothing registered yet");
        registry.gather();
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .expect("families encode");
        for line in [
            "kafka_topic_partition_records{partition=\"0\",topic=\"t\"} 7",
            "kafka_consumer_lag{group=\"g\",partition=\"0\",topic=\"t\"} 2",
            "kafka_records_dropped_total{reason=\"unread\"} 4",
            "kafka_topics 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
