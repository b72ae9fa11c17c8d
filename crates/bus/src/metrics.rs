//! Counters of the bus, one set per process, registered with the service's metrics.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// What the bus counts.
#[derive(Debug, Clone)]
pub struct BusMetrics {
    pub(crate) published: IntCounterVec,
    pub(crate) consumed: IntCounterVec,
    pub(crate) retries: IntCounterVec,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) handovers: IntCounterVec,
    pub(crate) settled: IntCounterVec,
    pub(crate) lag: IntGaugeVec,
}

impl BusMetrics {
    /// Registers the metrics.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            published: counter("bus_events_published_total", "Events published.", &["topic", "result"])?,
            consumed: counter(
                "bus_events_consumed_total",
                "Events handled.",
                &["group", "topic", "result"],
            )?,
            retries: counter(
                "bus_event_retries_total",
                "Attempts beyond the first.",
                &["group", "topic"],
            )?,
            dead_letters: counter("dead_letters_total", "Events given up.", &["topic", "error_type"])?,
            handovers: counter(
                "dead_letter_handovers_total",
                "Hand-overs of events given up: handed_over to the dead-letter topic, spilled to a local file, lost.",
                &["topic", "result"],
            )?,
            settled: counter(
                "dead_letters_settled_total",
                "Dead letters dealt with: replayed, discarded.",
                &["topic", "action"],
            )?,
            lag: IntGaugeVec::new(
                Opts::new(
                    "kafka_consumer_lag",
                    "Records between the end of the log and the committed offset.",
                ),
                &["group", "topic", "partition"],
            )?,
        };
        for vec in [
            &metrics.published,
            &metrics.consumed,
            &metrics.retries,
            &metrics.dead_letters,
            &metrics.handovers,
            &metrics.settled,
        ] {
            registry.register(Box::new(vec.clone()))?;
        }
        registry.register(Box::new(metrics.lag.clone()))?;
        Ok(metrics)
    }
}

fn counter(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}
