//! Counts of what the machine did. The server exports them under the names of Alertmanager.

use std::collections::BTreeMap;

use super::effect::FailureReason;

/// Upper bounds of the buckets of latencies, milliseconds.
pub const LATENCY_BUCKETS_MS: [i64; 5] = [1_000, 5_000, 10_000, 15_000, 20_000];

/// Counters since the start. Keys of maps are kinds of integrations, such as `webhook`.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// `alertmanager_alerts_received_total{status="firing"}`
    pub received_firing: u64,
    /// `alertmanager_alerts_received_total{status="resolved"}`
    pub received_resolved: u64,
    /// `alertmanager_alerts_invalid_total`
    pub invalid: u64,
    /// `alertmanager_alerts_limited_total`
    pub limited: u64,
    /// Per kind of integration.
    pub integrations: BTreeMap<String, IntegrationMetrics>,
    /// `alertmanager_notifications_suppressed_total`, by reason.
    pub suppressed: BTreeMap<&'static str, u64>,
    /// `alertmanager_nflog_gossip_messages_propagated_total` and the same for silences: entries of
    /// other members that were news.
    pub replicated: u64,
    /// `alertmanager_nflog_queries_total`: looks into the log before something is sent.
    pub log_queries: u64,
    /// `alertmanager_nflog_maintenance_total` and the same for silences: both are tidied together.
    pub maintenances: u64,
    /// Events that nobody took in time.
    pub events_dropped: u64,
}

/// Counters of one kind of integration.
#[derive(Debug, Clone, Default)]
pub struct IntegrationMetrics {
    /// `alertmanager_notifications_total`
    pub notifications: u64,
    /// `alertmanager_notifications_failed_total`, by reason.
    pub failed: BTreeMap<FailureReason, u64>,
    /// `alertmanager_notification_requests_total`
    pub requests: u64,
    /// `alertmanager_notification_requests_failed_total`
    pub requests_failed: u64,
    /// `alertmanager_notification_latency_seconds`
    pub latency: Latency,
}

/// A histogram of latencies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Observations up to each of [`LATENCY_BUCKETS_MS`], not cumulated; the rest lies above.
    pub buckets: [u64; LATENCY_BUCKETS_MS.len()],
    /// All observations.
    pub count: u64,
    /// Their sum, milliseconds.
    pub sum_ms: i64,
}

impl Latency {
    /// Adds an observation.
    pub(super) fn observe(&mut self, latency_ms: i64) {
        if let Some(bucket) = LATENCY_BUCKETS_MS.iter().position(|bound| latency_ms <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum_ms += latency_ms;
    }
}

/// Sizes at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// `alertmanager_alerts{state="active"}`
    pub alerts_active: usize,
    /// `alertmanager_alerts{state="suppressed"}`
    pub alerts_suppressed: usize,
    /// `alertmanager_alerts{state="unprocessed"}`
    pub alerts_unprocessed: usize,
    /// `alertmanager_silences{state="active"}`
    pub silences_active: usize,
    /// `alertmanager_silences{state="pending"}`
    pub silences_pending: usize,
    /// `alertmanager_silences{state="expired"}`
    pub silences_expired: usize,
    /// `alertmanager_silences_queries_total`
    pub silence_queries: u64,
    /// `alertmanager_dispatcher_aggregation_groups`
    pub groups: usize,
    /// Entries of the notification log.
    pub log_entries: usize,
    /// `alertmanager_receivers`
    pub receivers: usize,
    /// `alertmanager_integrations`
    pub integrations: usize,
    /// `alertmanager_inhibition_rules`
    pub inhibition_rules: usize,
}
