//! What the ML engine measures. Names and labels are those of the system's table.

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use skopos_sdk::ml::MlTracer;

use super::index::{Flat, Ivf};
use super::quality::Quality;
use super::training::MODEL_NAME;
use crate::catalog::TENANTS;

/// Upper bounds in seconds: searches and embeddings take from microseconds to milliseconds here.
const BUCKETS: [f64; 12] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.1, 1.0,
];

/// State of a training job; the number is the value of its gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    Running = 1,
    Completed = 2,
    Failed = 3,
}

#[derive(Debug, Clone)]
pub(super) struct MlMetrics {
    job_status: IntGaugeVec,
    completed: IntCounterVec,
    failures: IntCounterVec,
    quality: [GaugeVec; 4],
    embedding_duration: HistogramVec,
    search_duration: HistogramVec,
    pub(super) cache_hits: IntCounter,
    pub(super) cache_misses: IntCounter,
    deployed: IntGaugeVec,
    pub(super) ml: MlTracer,
}

impl MlMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let quality = |short: &str, long: &str| {
            let name = format!("model_quality_{short}_at_10");
            let help = format!("{long} of the first ten items on held-out interactions.");
            GaugeVec::new(Opts::new(name, help), &["tenant_id", "model_version"])
        };
        let duration = |name, help: &str, label| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), &[label])
        };
        let metrics = Self {
            job_status: IntGaugeVec::new(
                Opts::new(
                    "training_job_status",
                    "Training jobs: 1 running, 2 completed, 3 failed.",
                ),
                &["job_id", "tenant_id"],
            )?,
            completed: IntCounterVec::new(
                Opts::new("training_job_completed_total", "Training jobs that deployed a model."),
                &["tenant_id"],
            )?,
            failures: IntCounterVec::new(
                Opts::new("training_job_failures_total", "Training jobs that failed."),
                &["tenant_id", "reason"],
            )?,
            quality: [
                quality("ndcg", "Normalised discounted cumulative gain")?,
                quality("map", "Mean average precision")?,
                quality("precision", "Precision")?,
                quality("recall", "Recall")?,
            ],
            embedding_duration: duration(
                "embedding_generation_duration_seconds",
                "Time to place a user among the items in seconds.",
                "model_name",
            )?,
            search_duration: duration(
                "faiss_search_duration_seconds",
                "Time of a vector search in seconds.",
                "index_type",
            )?,
            cache_hits: IntCounter::new("embedding_cache_hits_total", "Embeddings found in the cache.")?,
            cache_misses: IntCounter::new("embedding_cache_misses_total", "Embeddings that had to be generated.")?,
            deployed: IntGaugeVec::new(
                Opts::new("model_version_deployed", "Version of the model that serves."),
                &["tenant_id", "model_name"],
            )?,
            ml: MlTracer::register(registry)?,
        };
        metrics.touch();
        metrics.enter(registry)?;
        Ok(metrics)
    }

    /// Makes the series that exist from the start.
    fn touch(&self) {
        for tenant in TENANTS.iter().filter(|tenant| tenant.is_founder) {
            self.completed.with_label_values(&[tenant.id]);
            self.failures.with_label_values(&[tenant.id, "diverged"]);
        }
        self.embedding_duration.with_label_values(&[MODEL_NAME]);
        for index in [Flat::TYPE, Ivf::TYPE] {
            self.search_duration.with_label_values(&[index]);
        }
    }

    fn enter(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.job_status.clone()))?;
        registry.register(Box::new(self.completed.clone()))?;
        registry.register(Box::new(self.failures.clone()))?;
        for quality in &self.quality {
            registry.register(Box::new(quality.clone()))?;
        }
        registry.register(Box::new(self.embedding_duration.clone()))?;
        registry.register(Box::new(self.search_duration.clone()))?;
        registry.register(Box::new(self.cache_hits.clone()))?;
        registry.register(Box::new(self.cache_misses.clone()))?;
        registry.register(Box::new(self.deployed.clone()))
    }

    pub(super) fn job(&self, job_id: &str, tenant_id: &str, status: JobStatus) {
        self.job_status
            .with_label_values(&[job_id, tenant_id])
            .set(status as i64);
    }

    /// Ends the series of a job that is no longer of interest.
    pub(super) fn forget_job(&self, job_id: &str, tenant_id: &str) {
        // Fails where there is no such series, and then there is none to end.
        drop(self.job_status.remove_label_values(&[job_id, tenant_id]));
    }

    pub(super) fn completed(&self, tenant_id: &str) {
        self.completed.with_label_values(&[tenant_id]).inc();
    }

    pub(super) fn failed(&self, tenant_id: &str, reason: &str) {
        self.failures.with_label_values(&[tenant_id, reason]).inc();
    }

    /// Shows a version and its quality, and ends the series of the version before.
    pub(super) fn deployed(&self, tenant_id: &str, version: u64, quality: &Quality) {
        self.deployed
            .with_label_values(&[tenant_id, MODEL_NAME])
            .set(version as i64);
        let (before, now) = (
            super::model::label(version.saturating_sub(1)),
            super::model::label(version),
        );
        let figures = [quality.ndcg, quality.map, quality.precision, quality.recall];
        for (gauge, figure) in self.quality.iter().zip(figures) {
            gauge.with_label_values(&[tenant_id, &now]).set(figure);
            // Fails for the first version, which has none before it.
            drop(gauge.remove_label_values(&[tenant_id, &before]));
        }
    }

    pub(super) fn embedding_timer(&self) -> prometheus::HistogramTimer {
        self.embedding_duration.with_label_values(&[MODEL_NAME]).start_timer()
    }

    pub(super) fn search_timer(&self, index: &str) -> prometheus::HistogramTimer {
        self.search_duration.with_label_values(&[index]).start_timer()
    }
}
