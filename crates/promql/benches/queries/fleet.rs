//! A source in memory with the metrics of a fleet: node, container and request metrics with
//! classic histograms, scraped every 15 s.

use std::sync::atomic::{AtomicUsize, Ordering};

use skopos_core::metric::{Exemplar, MetricMetadata, MetricSource, Selection, Series};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};

/// The newest sample.
pub(crate) const END_MS: i64 = 1_700_000_000_000;
const SCRAPE_MS: i64 = 15_000;
/// An hour, and the five minutes that the first windows look back.
const SAMPLES: i64 = 65 * 60_000 / SCRAPE_MS;

const CODES: [&str; 4] = ["200", "201", "404", "500"];
const BOUNDS: [&str; 8] = ["0.01", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf"];
const MODES: [&str; 4] = ["idle", "user", "system", "iowait"];
/// Series that one instance has.
const PER_INSTANCE: usize = 1 + MODES.len() + 1 + 4 * CODES.len() + 4 * BOUNDS.len();

/// The series, and how many samples were read of them.
#[derive(Debug)]
pub(crate) struct Fleet {
    series: Vec<Series>,
    read: AtomicUsize,
}

impl Fleet {
    /// About `n_series` series.
    pub(crate) fn new(n_series: usize) -> Self {
        let mut series = Vec::new();
        for instance in 0..n_series.div_ceil(PER_INSTANCE) {
            push_instance(instance, &mut series);
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self {
            series,
            read: AtomicUsize::new(0),
        }
    }

    /// Samples read since the last call.
    pub(crate) fn take_read(&self) -> usize {
        self.read.swap(0, Ordering::Relaxed)
    }
}

fn push_instance(instance: usize, all: &mut Vec<Series>) {
    let address = format!("10.0.{}.{}:9100", instance / 250, instance % 250);
    let (job, namespace) = (format!("job-{}", instance % 10), format!("ns-{}", instance % 25));
    let mut push = |name: &str, more: &[(&str, &str)], growth: f64| {
        let own = [
            ("__name__", name),
            ("instance", address.as_str()),
            ("job", job.as_str()),
            ("namespace", namespace.as_str()),
        ];
        let labels = Labels::from_pairs(own.iter().chain(more).copied());
        all.push(samples(labels, growth, all.len()));
    };
    push("up", &[], 0.0);
    push("container_memory_working_set_bytes", &[], -1.0);
    for mode in MODES {
        push("node_cpu_seconds_total", &[("mode", mode)], 15.0);
    }
    for route in 0..4 {
        let route = format!("/r{route}");
        for code in CODES {
            push("http_requests_total", &[("code", code), ("route", &route)], 40.0);
        }
        for (at, bound) in BOUNDS.iter().enumerate() {
            let growth = 10.0 * (at + 1) as f64;
            push(
                "http_request_duration_seconds_bucket",
                &[("le", bound), ("route", &route)],
                growth,
            );
        }
    }
}

/// A counter that grows by about `growth` a scrape and restarts now and then; a gauge where it is
/// not positive.
fn samples(labels: Labels, growth: f64, seed: usize) -> Series {
    let mut series = Series {
        labels,
        ..Series::default()
    };
    let mut total = 0.0;
    for at in 0..SAMPLES {
        let noise = ((at as usize * 7919 + seed * 104_729) % 97) as f64 / 97.0;
        if growth > 0.0 {
            let restarts = (at as usize + seed).is_multiple_of(1000);
            total = if restarts { 0.0 } else { total + growth * (0.5 + noise) };
        } else {
            total = if growth < 0.0 { 1e8 + noise * 1e7 } else { 1.0 };
        }
        series.timestamps_ms.push(END_MS - (SAMPLES - 1 - at) * SCRAPE_MS);
        series.values.push(total);
    }
    series
}

impl MetricSource for Fleet {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let matching = self
            .series
            .iter()
            .filter(|series| skopos_core::matcher::all_match(selection.matchers, &series.labels));
        let mut found = Vec::new();
        for series in matching {
            let from = series
                .timestamps_ms
                .partition_point(|time| *time < selection.range.start_ms);
            let to = series
                .timestamps_ms
                .partition_point(|time| *time <= selection.range.end_ms);
            budget.charge(to - from, "reading")?;
            self.read.fetch_add(to - from, Ordering::Relaxed);
            found.push(Series {
                labels: series.labels.clone(),
                timestamps_ms: series.timestamps_ms[from..to].to_vec(),
                values: series.values[from..to].to_vec(),
                ..Series::default()
            });
        }
        Ok(found)
    }

    fn series(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn exemplars(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(Vec::new())
    }
}
