//! Samples that come in any order, gathered by series until they are too many, then written.

use std::collections::HashMap;

use skopos_core::Labels;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, Series, StartTimestamps};
use skopos_metrics::{BulkLoad, BulkSeries};
use std::sync::Arc;

/// Bytes of gathered samples that are written.
const MAX_BYTES: usize = 192 * 1024 * 1024;
/// Bytes of a float, its time and its start.
const FLOAT_BYTES: usize = 24;
/// Bytes of a histogram without its buckets, of an exemplar, and of a series, about.
const OBJECT_BYTES: usize = 256;

/// Number of a series in the order in which they were seen.
pub(super) type SeriesNumber = u32;

/// Series by number, with what was gathered of them.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    numbers: HashMap<Labels, SeriesNumber>,
    series: Vec<Gathering>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Gathering {
    labels: Labels,
    content: BulkSeries,
}

impl Gathered {
    /// The number of a series.
    pub(super) fn number(&mut self, labels: Labels) -> SeriesNumber {
        if let Some(number) = self.numbers.get(&labels) {
            return *number;
        }
        let number = self.series.len() as SeriesNumber;
        self.numbers.insert(labels.clone(), number);
        self.series.push(Gathering {
            labels,
            content: BulkSeries::default(),
        });
        number
    }

    pub(super) fn labels(&self, number: SeriesNumber) -> Option<&Labels> {
        self.series.get(number as usize).map(|series| &series.labels)
    }

    pub(super) fn float(&mut self, number: SeriesNumber, timestamp_ms: i64, value: f64, start_ms: i64) {
        let Some(Gathering { content, .. }) = self.series.get_mut(number as usize) else {
            return;
        };
        content.series.timestamps_ms.push(timestamp_ms);
        content.series.values.push(value);
        content.start_timestamps.floats_ms.push(start_ms);
        self.bytes += FLOAT_BYTES;
    }

    pub(super) fn histogram(
        &mut self,
        number: SeriesNumber,
        timestamp_ms: i64,
        histogram: Arc<FloatHistogram>,
        start_ms: i64,
    ) {
        let Some(Gathering { content, .. }) = self.series.get_mut(number as usize) else {
            return;
        };
        self.bytes += OBJECT_BYTES + 8 * (histogram.positive_buckets.len() + histogram.negative_buckets.len());
        content.series.histogram_timestamps_ms.push(timestamp_ms);
        content.series.histograms.push(histogram);
        content.start_timestamps.histograms_ms.push(start_ms);
    }

    pub(super) fn exemplar(&mut self, number: SeriesNumber, exemplar: Exemplar) {
        if let Some(series) = self.series.get_mut(number as usize) {
            series.content.exemplars.push(exemplar);
            self.bytes += OBJECT_BYTES;
        }
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES
    }

    /// Writes what was gathered in the order of labels, and forgets it; series keep their numbers.
    pub(super) fn write(&mut self, bulk: &mut BulkLoad<'_>) -> anyhow::Result<()> {
        let mut order: Vec<usize> = (0..self.series.len()).collect();
        order.sort_by(|a, b| self.series[*a].labels.cmp(&self.series[*b].labels));
        for number in order {
            let gathering = &mut self.series[number];
            let mut content = std::mem::take(&mut gathering.content);
            if content.series.is_empty() && content.exemplars.is_empty() {
                continue;
            }
            if content.start_timestamps.floats_ms.iter().all(|start| *start == 0)
                && content.start_timestamps.histograms_ms.iter().all(|start| *start == 0)
            {
                content.start_timestamps = StartTimestamps::default();
            }
            content.series = Series {
                labels: gathering.labels.clone(),
                ..content.series
            };
            bulk.add(content)?;
        }
        self.bytes = 0;
        Ok(())
    }
}
