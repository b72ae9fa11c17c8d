//! The series that the scraper writes about each scrape: `up` and `scrape_*`.

use skopos_core::Labels;
use skopos_core::metric::{MetricSample, MetricValue, SeriesBatch};

use super::labels::report_labels;

/// Whether the series of `extra_scrape_metrics` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtraMetrics {
    On,
    Off,
}

/// What is told of one scrape.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReportedScrape {
    pub(crate) is_up: bool,
    pub(crate) duration_seconds: f64,
    pub(crate) scraped: u64,
    pub(crate) after_relabeling: u64,
    pub(crate) series_added: u64,
    /// Further series, where they are switched on.
    pub(crate) extra: Option<ExtraReport>,
}

/// The series of `extra_scrape_metrics`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExtraReport {
    pub(crate) timeout_seconds: f64,
    pub(crate) sample_limit: u64,
    /// −1 where the body was too large.
    pub(crate) body_bytes: i64,
}

/// Labels of the scraper's own series of a target, made once.
#[derive(Debug)]
pub(crate) struct ReportSeries {
    labels: Vec<Labels>,
}

/// Of the metrics below, those that are always written.
const ALWAYS: usize = 5;

const METRICS: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

impl ReportSeries {
    pub(crate) fn new(target: &Labels, extra: ExtraMetrics) -> Self {
        let count = match extra {
            ExtraMetrics::On => METRICS.len(),
            ExtraMetrics::Off => ALWAYS,
        };
        Self {
            labels: METRICS
                .iter()
                .take(count)
                .map(|metric| report_labels(metric, target))
                .collect(),
        }
    }

    /// All series, for their staleness markers.
    pub(crate) fn all(&self) -> &[Labels] {
        &self.labels
    }
}

/// The samples that tell of a scrape.
pub(crate) fn report_samples(series: &ReportSeries, scrape: &ReportedScrape, timestamp_ms: i64) -> Vec<SeriesBatch> {
    let mut values = vec![
        f64::from(u8::from(scrape.is_up)),
        scrape.duration_seconds,
        scrape.scraped as f64,
        scrape.after_relabeling as f64,
        scrape.series_added as f64,
    ];
    if let Some(extra) = scrape.extra {
        values.extend([
            extra.timeout_seconds,
            extra.sample_limit as f64,
            extra.body_bytes as f64,
        ]);
    }
    let samples = series.labels.iter().zip(values).map(|(labels, value)| SeriesBatch {
        labels: labels.clone(),
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(value),
        }],
        ..SeriesBatch::default()
    });
    samples.collect()
}
