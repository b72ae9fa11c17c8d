//! What the delegation gateway counts.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

const SECONDS_BUCKETS: [f64; 7] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

#[derive(Debug, Clone)]
pub(super) struct DelegationMetrics {
    delegations: IntCounterVec,
    tasks: IntCounterVec,
    duration: Histogram,
}

impl DelegationMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, label| IntCounterVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            delegations: counter(
                "delegations_total",
                "Questions handed on: complete, partial (some findings are missing), refused (the session asked too often).",
                "result",
            )?,
            tasks: counter(
                "delegation_tasks_total",
                "Tasks of sub-agents: done, expired.",
                "result",
            )?,
            duration: Histogram::with_opts(
                HistogramOpts::new("delegation_duration_seconds", "Time of a delegation in seconds.")
                    .buckets(SECONDS_BUCKETS.to_vec()),
            )?,
        };
        for result in ["complete", "partial", "refused"] {
            metrics.delegations.with_label_values(&[result]);
        }
        for result in ["done", "expired"] {
            metrics.tasks.with_label_values(&[result]);
        }
        registry.register(Box::new(metrics.delegations.clone()))?;
        registry.register(Box::new(metrics.tasks.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        Ok(metrics)
    }

    pub(super) fn delegated(&self, result: &str, seconds: f64) {
        self.delegations.with_label_values(&[result]).inc();
        self.duration.observe(seconds);
    }

    pub(super) fn task(&self, result: &str) {
        self.tasks.with_label_values(&[result]).inc();
    }
}
