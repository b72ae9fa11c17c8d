//! What the backend counts beside its requests. Table names are the page's; revenue follows the ledger.

use prometheus::{Counter, CounterVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::catalog::{Billable, PLANS, TENANTS};

/// Millionths of a US dollar in one.
const MICROS: f64 = 1e6;

#[derive(Debug, Clone)]
pub(super) struct BackendMetrics {
    served: IntCounterVec,
    rate_limited: IntCounterVec,
    requests: IntCounterVec,
    billed: IntCounterVec,
    revenue: CounterVec,
    tenants: IntGaugeVec,
    store_up: IntGaugeVec,
    upstream_failures: IntCounterVec,
}

impl BackendMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauge = |name, help: &str, label| IntGaugeVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            served: counter(
                "recommendations_served_total",
                "Items that were recommended.",
                &["tenant_id", "algorithm"],
            )?,
            rate_limited: counter(
                "api_requests_rate_limited_total",
                "Requests refused because the tenant's plan allows no more.",
                &["tenant_id"],
            )?,
            requests: counter("api_requests_total", "Requests of tenants.", &["tenant_id", "endpoint"])?,
            billed: counter(
                "billable_events_total",
                "Events in the ledger, those of earlier runs included.",
                &["tenant_id", "kind"],
            )?,
            revenue: CounterVec::new(
                Opts::new("revenue_usd_total", "Price of the events in the ledger in US dollars."),
                &["tenant_id"],
            )?,
            tenants: gauge("tenants_registered", "Tenants that have signed up.", "plan")?,
            store_up: gauge(
                "backend_store_up",
                "Whether an outside store is in use: 1, else the service's own.",
                "store",
            )?,
            upstream_failures: counter(
                "upstream_failures_total",
                "Requests to another service that failed.",
                &["upstream"],
            )?,
        };
        metrics.touch();
        metrics.enter(registry)?;
        Ok(metrics)
    }

    fn touch(&self) {
        for tenant in TENANTS.iter().filter(|tenant| tenant.is_founder) {
            self.rate_limited.with_label_values(&[tenant.id]);
            self.revenue.with_label_values(&[tenant.id]);
        }
        for plan in PLANS {
            self.tenants.with_label_values(&[plan.name]);
        }
    }

    fn enter(&self, registry: &Registry) -> prometheus::Result<()> {
        for counter in [
            &self.served,
            &self.rate_limited,
            &self.requests,
            &self.billed,
            &self.upstream_failures,
        ] {
            registry.register(Box::new(counter.clone()))?;
        }
        registry.register(Box::new(self.revenue.clone()))?;
        registry.register(Box::new(self.tenants.clone()))?;
        registry.register(Box::new(self.store_up.clone()))
    }

    pub(super) fn served(&self, tenant_id: &str, algorithm: &str, items: usize) {
        self.served
            .with_label_values(&[tenant_id, algorithm])
            .inc_by(items as u64);
    }

    pub(super) fn requested(&self, tenant_id: &str, endpoint: &str) {
        self.requests.with_label_values(&[tenant_id, endpoint]).inc();
    }

    pub(super) fn rate_limited(&self, tenant_id: &str) {
        self.rate_limited.with_label_values(&[tenant_id]).inc();
    }

    /// Counts what is in the ledger: `events` of one kind and their price.
    pub(super) fn billed(&self, tenant_id: &str, billable: Billable, events: u64, micros: i64) {
        self.billed
            .with_label_values(&[tenant_id, billable.name()])
            .inc_by(events);
        let revenue: Counter = self.revenue.with_label_values(&[tenant_id]);
        revenue.inc_by(micros.max(0) as f64 / MICROS);
    }

    pub(super) fn signed_up(&self, plan: &str) {
        self.tenants.with_label_values(&[plan]).inc();
    }

    pub(super) fn store_up(&self, store: &str, is_up: bool) {
        self.store_up.with_label_values(&[store]).set(i64::from(is_up));
    }

    pub(super) fn upstream_failed(&self, upstream: &str) {
        self.upstream_failures.with_label_values(&[upstream]).inc();
    }
}
