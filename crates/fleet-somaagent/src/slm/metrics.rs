//! What the model's service counts. Names and labels are those of the system's table.

use std::time::Instant;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::{EMBED_MODEL, INFER_MODEL};
use crate::refusal::Refusal;

/// Upper bounds in seconds: one embedding takes microseconds, a full request some milliseconds.
const BUCKETS: [f64; 10] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

#[derive(Debug, Clone)]
pub(super) struct SlmMetrics {
    requests: IntCounterVec,
    embedding: HistogramVec,
}

impl SlmMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let requests = Opts::new(
            "slm_infer_sync_requests_total",
            "Synchronous inferences: ok, refused (the request is wrong).",
        );
        let embedding = HistogramOpts::new(
            "slm_embedding_latency_seconds",
            "Time to embed the texts of one request in seconds.",
        );
        let metrics = Self {
            requests: IntCounterVec::new(requests, &["model", "status"])?,
            embedding: HistogramVec::new(embedding.buckets(BUCKETS.to_vec()), &["model"])?,
        };
        for status in ["ok", "refused"] {
            metrics.requests.with_label_values(&[INFER_MODEL, status]);
        }
        metrics.embedding.with_label_values(&[EMBED_MODEL]);
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.embedding.clone()))?;
        Ok(metrics)
    }

    pub(super) fn inferred(&self, refusal: Option<&Refusal>) {
        let status = if refusal.is_none() { "ok" } else { "refused" };
        self.requests.with_label_values(&[INFER_MODEL, status]).inc();
    }

    /// Measures one embedding.
    pub(super) fn embedding<T>(&self, embed: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let embedded = embed();
        self.embedding
            .with_label_values(&[EMBED_MODEL])
            .observe(started.elapsed().as_secs_f64());
        embedded
    }
}
