//! What the gateway counts beside its requests.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Upper bounds in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Debug, Clone)]
pub(super) struct GatewayMetrics {
    executions: IntCounterVec,
    execution_time: HistogramVec,
    refused: IntCounterVec,
}

impl GatewayMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let executions = Opts::new(
            "capsule_executions_total",
            "Executions of capsules: success, not_licensed, refused (the input is wrong), failed.",
        );
        let time = HistogramOpts::new(
            "capsule_execution_duration_seconds",
            "Time of one execution in seconds.",
        );
        let refused = Opts::new(
            "gateway_requests_refused_total",
            "Requests that were not let in: unauthenticated, denied.",
        );
        let metrics = Self {
            executions: IntCounterVec::new(executions, &["capsule", "tenant", "outcome"])?,
            execution_time: HistogramVec::new(time.buckets(BUCKETS.to_vec()), &["capsule"])?,
            refused: IntCounterVec::new(refused, &["reason"])?,
        };
        for reason in ["unauthenticated", "denied"] {
            metrics.refused.with_label_values(&[reason]);
        }
        registry.register(Box::new(metrics.executions.clone()))?;
        registry.register(Box::new(metrics.execution_time.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        Ok(metrics)
    }

    /// Capsules are those of the catalogue and tenants those of verified tokens, so both labels are few.
    pub(super) fn executed(&self, capsule: &str, tenant: &str, outcome: &str) {
        self.executions.with_label_values(&[capsule, tenant, outcome]).inc();
    }

    pub(super) fn execution_time(&self, capsule: &str, elapsed: Duration) {
        self.execution_time
            .with_label_values(&[capsule])
            .observe(elapsed.as_secs_f64());
    }

    pub(super) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }
}
