//! What the analytics service counts. Names and labels are those of the system's table and of its alerts.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use super::catalogue::Capsule;
use crate::events::Event;

/// Upper bounds in seconds; the limit of a search is 0.5.
const SEARCH_BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
const QUERY_BUCKETS: [f64; 9] = [0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Debug, Clone)]
pub(super) struct AnalyticsMetrics {
    search: HistogramVec,
    queries: HistogramVec,
    revenue: IntCounterVec,
    purchases: IntCounterVec,
    events: IntCounterVec,
    size: IntGauge,
}

impl AnalyticsMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let search = HistogramOpts::new(
            "marketplace_search_latency_seconds",
            "Time of one search of the marketplace in seconds.",
        );
        let queries = HistogramOpts::new(
            "analytics_query_latency_seconds",
            "Time of one analytics query in seconds.",
        );
        let by_sale = ["capsule", "tenant"];
        let metrics = Self {
            search: HistogramVec::new(search.buckets(SEARCH_BUCKETS.to_vec()), &["tenant"])?,
            queries: HistogramVec::new(queries.buckets(QUERY_BUCKETS.to_vec()), &["query", "tenant"])?,
            revenue: counter(
                "marketplace_revenue_cents_total",
                "Money of recorded purchases in cents.",
                &by_sale,
            )?,
            purchases: counter("marketplace_purchases_total", "Recorded purchases.", &by_sale)?,
            events: counter(
                "analytics_events_recorded_total",
                "Events that were recorded, by kind.",
                &["kind"],
            )?,
            size: IntGauge::new("analytics_database_size_bytes", "Size of the database file in bytes.")?,
        };
        registry.register(Box::new(metrics.search.clone()))?;
        registry.register(Box::new(metrics.queries.clone()))?;
        registry.register(Box::new(metrics.revenue.clone()))?;
        registry.register(Box::new(metrics.purchases.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.size.clone()))?;
        Ok(metrics)
    }

    pub(super) fn searched(&self, tenant: &str, elapsed: Duration) {
        self.search.with_label_values(&[tenant]).observe(elapsed.as_secs_f64());
    }

    pub(super) fn queried(&self, query: &str, tenant: &str, elapsed: Duration) {
        let labels = [query, tenant];
        self.queries.with_label_values(&labels).observe(elapsed.as_secs_f64());
    }

    pub(super) fn bought(&self, capsule: &Capsule, tenant: &str) {
        let labels = [capsule.id.as_str(), tenant];
        self.purchases.with_label_values(&labels).inc();
        // Prices are not negative: the catalogue is ours.
        let cents = u64::try_from(capsule.price_cents).unwrap_or(0);
        self.revenue.with_label_values(&labels).inc_by(cents);
    }

    pub(super) fn recorded(&self, event: &Event) {
        self.events.with_label_values(&[&event.kind]).inc();
    }

    pub(super) fn size(&self, bytes: i64) {
        self.size.set(bytes);
    }
}
