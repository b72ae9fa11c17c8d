//! What the policy engine counts.

use std::time::Instant;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

use super::engine::{Answer, PolicyError};

/// Upper bounds in seconds: an evaluation takes tens of microseconds.
const BUCKETS: [f64; 10] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.5,
];

#[derive(Debug, Clone)]
pub(super) struct PolicyMetrics {
    evaluations: IntCounterVec,
    latency: Histogram,
}

impl PolicyMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let evaluations = Opts::new("policy_evaluations_total", "Policy decisions: allow, deny, error.");
        let latency = HistogramOpts::new(
            "policy_evaluation_latency_seconds",
            "Time of one evaluation of the policies in seconds.",
        );
        let metrics = Self {
            evaluations: IntCounterVec::new(evaluations, &["result"])?,
            latency: Histogram::with_opts(latency.buckets(BUCKETS.to_vec()))?,
        };
        for result in ["allow", "deny", "error"] {
            metrics.evaluations.with_label_values(&[result]);
        }
        registry.register(Box::new(metrics.evaluations.clone()))?;
        registry.register(Box::new(metrics.latency.clone()))?;
        Ok(metrics)
    }

    /// Measures and counts one evaluation.
    pub(super) fn timed(&self, evaluate: impl FnOnce() -> Result<Answer, PolicyError>) -> Result<Answer, PolicyError> {
        let started = Instant::now();
        let answer = evaluate();
        self.latency.observe(started.elapsed().as_secs_f64());
        let result = match &answer {
            Ok(Answer { allow: true, .. }) => "allow",
            Ok(_) => "deny",
            Err(_) => "error",
        };
        self.evaluations.with_label_values(&[result]).inc();
        answer
    }
}
