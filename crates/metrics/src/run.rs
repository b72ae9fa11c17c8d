//! A run of samples of one series on its way between head, parts and readers.

use skopos_core::TimeRange;
use skopos_core::metric::{Series, StartTimestamps};

/// From the sample at `timestamp_ms` on, counting began at `start_ms`; 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start {
    pub(crate) timestamp_ms: i64,
    pub(crate) start_ms: i64,
}

/// Samples of one series, and when the counting behind them began.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) series: Series,
    /// By time.
    pub(crate) starts: Vec<Start>,
}

impl Run {
    /// Adds what another run of the same series holds.
    pub(crate) fn extend(&mut self, mut more: Self) {
        let series = &mut self.series;
        series.timestamps_ms.append(&mut more.series.timestamps_ms);
        series.values.append(&mut more.series.values);
        series
            .histogram_timestamps_ms
            .append(&mut more.series.histogram_timestamps_ms);
        series.histograms.append(&mut more.series.histograms);
        self.starts.append(&mut more.starts);
    }

    /// Sorts by time and keeps the first of several samples of one time.
    pub(crate) fn normalise(&mut self, range: TimeRange) {
        normalise(&mut self.series, range);
        self.starts.sort_by_key(|start| start.timestamp_ms);
        self.starts.dedup_by_key(|start| start.timestamp_ms);
        self.starts.dedup_by_key(|start| start.start_ms);
    }

    /// The start of each sample; empty lists where none is known.
    pub(crate) fn start_timestamps(&self) -> StartTimestamps {
        if self.starts.is_empty() {
            return StartTimestamps::default();
        }
        let start_at = |time: &i64| {
            let after = self.starts.partition_point(|start| start.timestamp_ms <= *time);
            let found = after.checked_sub(1).and_then(|index| self.starts.get(index));
            found.map_or(0, |start| start.start_ms)
        };
        StartTimestamps {
            floats_ms: self.series.timestamps_ms.iter().map(start_at).collect(),
            histograms_ms: self.series.histogram_timestamps_ms.iter().map(start_at).collect(),
        }
    }
}

/// Cuts a series to the range, sorts it, and keeps the first of several samples of one time.
pub(crate) fn normalise(series: &mut Series, range: TimeRange) {
    sort_by_time(&mut series.timestamps_ms, &mut series.values, range);
    sort_by_time(&mut series.histogram_timestamps_ms, &mut series.histograms, range);
}

fn sort_by_time<T: Clone>(timestamps_ms: &mut Vec<i64>, values: &mut Vec<T>, range: TimeRange) {
    if timestamps_ms.is_sorted_by(|a, b| a < b) {
        let start = timestamps_ms.partition_point(|timestamp| *timestamp < range.start_ms);
        let end = timestamps_ms.partition_point(|timestamp| *timestamp <= range.end_ms);
        timestamps_ms.truncate(end);
        values.truncate(end);
        timestamps_ms.drain(..start.min(end));
        values.drain(..start.min(end));
        return;
    }
    let mut pairs: Vec<(i64, T)> = timestamps_ms.drain(..).zip(values.drain(..)).collect();
    pairs.retain(|pair| range.contains(pair.0));
    pairs.sort_by_key(|pair| pair.0);
    pairs.dedup_by_key(|pair| pair.0);
    (*timestamps_ms, *values) = pairs.into_iter().unzip();
}
