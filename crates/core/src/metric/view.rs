//! Series that a source lends, one after the other, so that none has to be copied.

use std::sync::Arc;

use super::Series;
use crate::Labels;
use crate::histogram::FloatHistogram;

/// The samples of one series, lent: both kinds are sorted by time without duplicates.
#[derive(Debug, Clone, Copy)]
pub struct SeriesView<'a> {
    /// Identity.
    pub labels: &'a Labels,
    /// Times of `values`, in milliseconds since the Unix epoch.
    pub timestamps_ms: &'a [i64],
    /// Float samples.
    pub values: &'a [f64],
    /// Times of `histograms`, in milliseconds since the Unix epoch.
    pub histogram_timestamps_ms: &'a [i64],
    /// Histogram samples.
    pub histograms: &'a [Arc<FloatHistogram>],
}

impl SeriesView<'_> {
    /// Number of samples of both kinds.
    pub fn len(&self) -> usize {
        self.values.len() + self.histograms.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a Series> for SeriesView<'a> {
    fn from(series: &'a Series) -> Self {
        Self {
            labels: &series.labels,
            timestamps_ms: &series.timestamps_ms,
            values: &series.values,
            histogram_timestamps_ms: &series.histogram_timestamps_ms,
            histograms: &series.histograms,
        }
    }
}

/// Which samples of the range are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// The newest of each series. A source may lend older ones beside it.
    Newest,
}

/// What was lent of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lent {
    /// The samples that were asked for.
    Samples,
    /// Nothing, or not all, since there are windows in place of samples, or what was to be lent went elsewhere meanwhile:
    /// `select_downsampled` gives them.
    Nothing,
}
