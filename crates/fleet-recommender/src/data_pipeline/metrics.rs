//! What the data pipeline measures. Names and labels are those of the system's table; lag is the bus's own metric.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::jobs::Job;
use super::landing::VOLUME;
use crate::events::INTERACTIONS;

/// Upper bounds in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

#[derive(Debug, Clone)]
pub(super) struct PipelineMetrics {
    duration: HistogramVec,
    failures: IntCounterVec,
    records: IntCounterVec,
    consumed: IntCounterVec,
    errors: IntCounterVec,
    disk_used: IntGaugeVec,
    disk_quota: IntGaugeVec,
}

impl PipelineMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauge = |name, help: &str| IntGaugeVec::new(Opts::new(name, help), &["volume"]);
        let duration = HistogramOpts::new("etl_job_duration_seconds", "Duration of ETL jobs in seconds.");
        let metrics = Self {
            duration: HistogramVec::new(duration.buckets(BUCKETS.to_vec()), &["job_name"])?,
            failures: counter(
                "etl_job_failures_total",
                "ETL jobs that failed.",
                &["job_name", "reason"],
            )?,
            records: counter(
                "etl_records_processed_total",
                "Records that ETL jobs have processed.",
                &["job_name", "source"],
            )?,
            consumed: counter(
                "kafka_messages_consumed_total",
                "Messages read from the bus.",
                &["topic"],
            )?,
            errors: counter(
                "kafka_processing_errors_total",
                "Messages that could not be processed.",
                &["topic", "error_type"],
            )?,
            disk_used: gauge("service_disk_used_bytes", "Bytes in use on a volume of the service.")?,
            disk_quota: gauge(
                "service_disk_quota_bytes",
                "Bytes that a volume of the service may hold.",
            )?,
        };
        for job in Job::ALL {
            metrics.duration.with_label_values(&[job.name()]);
            metrics.failures.with_label_values(&[job.name(), "io"]);
            metrics.records.with_label_values(&[job.name(), job.source()]);
        }
        metrics.consumed.with_label_values(&[INTERACTIONS]);
        metrics.errors.with_label_values(&[INTERACTIONS, "malformed_event"]);
        registry.register(Box::new(metrics.duration.clone()))?;
        for counter in [&metrics.failures, &metrics.records, &metrics.consumed, &metrics.errors] {
            registry.register(Box::new(counter.clone()))?;
        }
        registry.register(Box::new(metrics.disk_used.clone()))?;
        registry.register(Box::new(metrics.disk_quota.clone()))?;
        Ok(metrics)
    }

    pub(super) fn job_ended(&self, job: Job, seconds: f64, records: usize) {
        self.duration.with_label_values(&[job.name()]).observe(seconds);
        self.records
            .with_label_values(&[job.name(), job.source()])
            .inc_by(records as u64);
    }

    pub(super) fn job_failed(&self, job: Job, seconds: f64, reason: &str) {
        self.duration.with_label_values(&[job.name()]).observe(seconds);
        self.failures.with_label_values(&[job.name(), reason]).inc();
    }

    pub(super) fn consumed(&self, topic: &str) {
        self.consumed.with_label_values(&[topic]).inc();
    }

    pub(super) fn unprocessed(&self, topic: &str, error_type: &str) {
        self.errors.with_label_values(&[topic, error_type]).inc();
    }

    pub(super) fn disk(&self, used: u64, quota: u64) {
        self.disk_used.with_label_values(&[VOLUME]).set(used as i64);
        self.disk_quota.with_label_values(&[VOLUME]).set(quota as i64);
    }
}
