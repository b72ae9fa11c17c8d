//! Metrics: what is appended, what is read, and the traits between engines and stores.

mod admin;
mod downsampled;
mod estimate;
mod merge;
mod packed;
mod share;
mod view;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::histogram::FloatHistogram;
use crate::{Labels, Matcher, QueryBudget, ReadError, TimeRange, WriteError};

pub use admin::{Cardinality, CleanReport, DeleteReport, MetricAdmin, NameCount, SnapshotHead, StoredBlock};
pub use downsampled::{
    DownsampledSeries, FloatWindow, HistogramWindow, ResolutionLimit, SourceResolution, window_end_ms,
};
pub use estimate::ReadEstimate;
pub use merge::merge_series;
pub use packed::{FloatPoint, PackedFloats};
pub use share::Share;
pub use view::{Lent, SeriesView, Wanted};

/// A value at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A float, the staleness marker included.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// A sample on its way into a store.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The value.
    pub value: MetricValue,
}

/// A sample that points to a trace or another outside thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The exemplar's own labels, such as `trace_id`.
    pub labels: Labels,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The observed value.
    pub value: f64,
}

/// Samples of one series on their way into a store, in the order they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesBatch {
    /// The series.
    pub labels: Labels,
    /// Its samples.
    pub samples: Vec<MetricSample>,
    /// When the counting behind each sample began, in milliseconds since the Unix epoch, 0 where
    /// unknown. Empty, or one for each sample.
    pub start_timestamps_ms: Vec<i64>,
    /// Its exemplars.
    pub exemplars: Vec<Exemplar>,
}

impl SeriesBatch {
    /// Splits the samples before the one at `at`. Exemplars stay with the first.
    pub fn split_at(mut self, at: usize) -> (Self, Self) {
        let at = at.min(self.samples.len());
        let rest = Self {
            labels: self.labels.clone(),
            samples: self.samples.split_off(at),
            start_timestamps_ms: self
                .start_timestamps_ms
                .split_off(at.min(self.start_timestamps_ms.len())),
            exemplars: Vec::new(),
        };
        (self, rest)
    }
}

/// What a metric is, under Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricType {
    /// Not said.
    #[default]
    Unknown,
    /// Only ever grows, or restarts at zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
    /// Buckets, sum and count that may fall.
    GaugeHistogram,
    /// Quantiles, sum and count.
    Summary,
    /// Labels are the content, the value is 1.
    Info,
    /// A set of states, each 0 or 1.
    StateSet,
}

impl MetricType {
    /// The type's name in the exposition formats and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Type, help and unit of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricMetadata {
    /// The family's name.
    pub metric: String,
    /// Its type.
    pub metric_type: MetricType,
    /// Its help text.
    pub help: String,
    /// Its unit, or empty.
    pub unit: String,
}

/// One transaction of samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricBatch {
    /// Samples and exemplars by series.
    pub series: Vec<SeriesBatch>,
    /// Metadata of the families in the batch.
    pub metadata: Vec<MetricMetadata>,
}

/// Items of a batch that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A short name for metrics, such as `out_of_order`.
    pub reason: &'static str,
    /// How many items.
    pub count: u64,
    /// One of them, for the message to the sender.
    pub example: String,
}

/// What became of a batch. `stored` plus the counts of `refused` is the number of items given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendReport {
    /// Items written.
    pub stored: u64,
    /// Items refused, by reason.
    pub refused: Vec<Refusal>,
}

impl AppendReport {
    /// Counts one refused item.
    pub fn refuse(&mut self, reason: &'static str, example: impl FnOnce() -> String) {
        match self.refused.iter_mut().find(|refusal| refusal.reason == reason) {
            Some(refusal) => refusal.count += 1,
            None => self.refused.push(Refusal {
                reason,
                count: 1,
                example: example(),
            }),
        }
    }

    /// All refused items.
    pub fn refused_count(&self) -> u64 {
        self.refused.iter().map(|refusal| refusal.count).sum()
    }
}

/// Takes samples in. When `append` returns, what the report calls stored is in the write-ahead
/// log and survives `kill -9`.
pub trait MetricSink: Send + Sync + fmt::Debug {
    /// Appends a batch. Samples refused one by one are in the report; an error refuses all.
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError>;

    /// Appends packed floats, as [`MetricSink::append`] would the same batch unpacked. A store
    /// that finds known series without making their label sets does better.
    fn append_packed(&self, floats: &PackedFloats) -> Result<AppendReport, WriteError> {
        self.append(floats.to_batch())
    }
}

/// What to read.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// All must match.
    pub matchers: &'a [Matcher],
    /// Samples from the first to the last millisecond, both included.
    pub range: TimeRange,
    /// Step of the query in milliseconds, 0 for an instant query.
    pub step_ms: i64,
    /// How coarse the data may be.
    pub resolution: ResolutionLimit,
}

/// A series as read: its floats and its histograms, each sorted by time without duplicates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Identity.
    pub labels: Labels,
    /// Times of `values`.
    pub timestamps_ms: Vec<i64>,
    /// Float samples.
    pub values: Vec<f64>,
    /// Times of `histograms`.
    pub histogram_timestamps_ms: Vec<i64>,
    /// Histogram samples.
    pub histograms: Vec<Arc<FloatHistogram>>,
}

impl Series {
    /// Number of samples of both kinds.
    pub fn len(&self) -> usize {
        self.values.len() + self.histograms.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// When the counting behind each sample of a [`Series`] began, in milliseconds since the Unix
/// epoch; 0 where unknown. Either list is empty where the store keeps none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartTimestamps {
    /// Of the float samples, in their order.
    pub floats_ms: Vec<i64>,
    /// Of the histogram samples, in their order.
    pub histograms_ms: Vec<i64>,
}

/// Gives samples out, of one tenant. Heads, parts and remote stores implement it.
pub trait MetricSource: Send + Sync + fmt::Debug {
    /// The matching series that have samples in the range, sorted by labels. Implementations
    /// charge `budget` with every sample they return and stop when it refuses. Where a store has
    /// windows in place of samples, it gives the samples that it knows of them.
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError>;

    /// Lends the series that [`MetricSource::select`] gives to `visit`, in the same order, until it
    /// breaks off. The budget is charged with the samples of a series while it is lent. Where windows
    /// stand in place of samples nothing is lent.
    fn visit(
        &self,
        selection: &Selection<'_>,
        wanted: Wanted,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&SeriesView<'_>) -> ControlFlow<()>,
    ) -> Result<Lent, ReadError> {
        let _ = wanted;
        let all = self.select_downsampled(selection, budget)?;
        let held = all.iter().map(DownsampledSeries::charged_samples).sum();
        let has_windows = all.iter().any(DownsampledSeries::has_windows);
        if !has_windows {
            let mut views = all.iter().map(|found| SeriesView::from(&found.series));
            views.find(|view| visit(view).is_break());
        }
        budget.release(held);
        Ok(if has_windows { Lent::Nothing } else { Lent::Samples })
    }

    /// The series of a selection in at most `count` shares of about as much work, so that several threads take them; those
    /// of a share are sorted and stand before those of the next one. `None` where they can only be visited one after the
    /// other.
    fn shares<'a>(
        &'a self,
        selection: &'a Selection<'a>,
        wanted: Wanted,
        count: usize,
    ) -> Option<Vec<Box<dyn Share + 'a>>> {
        let _ = (selection, wanted, count);
        None
    }

    /// As [`MetricSource::select`], with the start timestamps of the samples. Stores that keep
    /// none need not implement it.
    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        let series = self.select(selection, budget)?;
        Ok(series
            .into_iter()
            .map(|series| (series, StartTimestamps::default()))
            .collect())
    }

    /// As [`MetricSource::select_started`], with windows as they are where the store keeps some in
    /// place of samples, or has coarser data that the selection prefers. Of windows more may come
    /// than lie in the range: one that holds its first or last time, and as much before it as a
    /// window is long. Stores that keep samples alone need not implement it.
    fn select_downsampled(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<DownsampledSeries>, ReadError> {
        let series = self.select_started(selection, budget)?.into_iter();
        Ok(series
            .map(|(series, starts)| DownsampledSeries {
                series,
                starts,
                ..DownsampledSeries::default()
            })
            .collect())
    }

    /// Whether a read may wait for other servers.
    fn asks_others(&self) -> bool {
        false
    }

    /// What [`MetricSource::select`] would touch. Where a store cannot tell more, only the series
    /// are counted.
    fn estimate(&self, selection: &Selection<'_>) -> Result<ReadEstimate, ReadError> {
        let series = self.series(selection.matchers, selection.range)?.len() as u64;
        Ok(ReadEstimate {
            series,
            ..ReadEstimate::default()
        })
    }

    /// Label sets of the series that match and have samples in the range, sorted.
    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError>;

    /// As [`MetricSource::series`] for a query: a source that others answer for holds to the budget and notes there
    /// what they did not give.
    fn series_for_query(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Labels>, ReadError> {
        let _ = budget;
        self.series(matchers, range)
    }

    /// Names of the labels of such series, sorted.
    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError>;

    /// Values of one label of such series, sorted.
    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError>;

    /// Exemplars of matching series in the range, sorted by series and time.
    fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError>;

    /// Metadata known of metric families, of `metric` alone where given.
    fn metadata(&self, metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError>;
}
