//! What the jobs measure.

use std::time::{Duration, SystemTime};

use prometheus::{IntCounter, IntGauge, Registry};
use skopos_sdk::family::{CounterFamily, GaugeFamily, HistogramFamily};

use super::NAMES;

/// Upper bounds in seconds, of runs and of deliveries.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Label of jobs; `job` itself is what scrapes call their targets.
const LABEL: &str = "job_name";
const SUCCESS: &str = "success";
const ERROR: &str = "error";
const DELIVERED: &str = "delivered";
const FAILED: &str = "failed";

#[derive(Debug)]
pub(super) struct JobMetrics {
    runs: CounterFamily<2>,
    durations: HistogramFamily<1>,
    successes: GaugeFamily<1>,
    breaks: IntGauge,
    reconciled: IntCounter,
    deliveries: CounterFamily<1>,
    delivery_latency: HistogramFamily<0>,
}

impl JobMetrics {
    /// Registers all, with what has not happened yet at 0.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            runs: CounterFamily::register(
                registry,
                "dawsos_job_runs_total",
                "Runs of jobs by outcome.",
                [LABEL, "status"],
            )?,
            durations: HistogramFamily::register(
                registry,
                "dawsos_job_duration_seconds",
                "Time of a run of a job in seconds, however it ended.",
                [LABEL],
                &BUCKETS,
            )?,
            successes: GaugeFamily::register(
                registry,
                "dawsos_job_last_success_timestamp_seconds",
                "When the job last ended well, in seconds since the Unix epoch.",
                [LABEL],
            )?,
            breaks: IntGauge::new(
                "dawsos_reconciliation_breaks",
                "Positions whose value differed from the pricing agent's in the last reconciliation.",
            )?,
            reconciled: IntCounter::new(
                "dawsos_reconciliation_positions_total",
                "Positions that were compared with the pricing agent's valuation.",
            )?,
            deliveries: CounterFamily::register(
                registry,
                "dawsos_alert_deliveries_total",
                "Alerts on prices by what became of them.",
                ["status"],
            )?,
            delivery_latency: HistogramFamily::register(
                registry,
                "dawsos_alert_delivery_seconds",
                "Time of the delivery of one alert in seconds, repetitions included.",
                [],
                &BUCKETS,
            )?,
        };
        registry.register(Box::new(metrics.breaks.clone()))?;
        registry.register(Box::new(metrics.reconciled.clone()))?;
        for job in NAMES {
            metrics.runs.add([job, SUCCESS], 0);
            metrics.runs.add([job, ERROR], 0);
        }
        metrics.deliveries.add([DELIVERED], 0);
        metrics.deliveries.add([FAILED], 0);
        Ok(metrics)
    }

    pub(super) fn run(&self, job: &str, is_success: bool, took: Duration) {
        self.runs.inc([job, if is_success { SUCCESS } else { ERROR }]);
        self.durations.observe([job], took.as_secs_f64());
        if is_success {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            self.successes
                .set([job], i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn positions_reconciled(&self, count: u64) {
        self.reconciled.inc_by(count);
    }

    pub(super) fn breaks(&self, count: usize) {
        self.breaks.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn delivery(&self, is_delivered: bool, took: Duration) {
        self.deliveries.inc([if is_delivered { DELIVERED } else { FAILED }]);
        self.delivery_latency.observe([], took.as_secs_f64());
    }
}
