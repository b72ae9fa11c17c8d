//! The samples of one series of a batch: which are taken.

use skopos_core::metric::{AppendReport, FloatPoint, MetricSample, MetricValue};

use super::AppendRules;
use crate::record::{FloatSample, Record, SeriesRef, StartSample};
use crate::series::{MemSeries, Verdict};

/// Plans floats without start timestamps.
pub(super) fn plan_points(
    (reference, series): (SeriesRef, &mut MemSeries),
    points: &[FloatPoint],
    rules: AppendRules,
    record: &mut Record,
    report: &mut AppendReport,
) {
    let before = record.floats.len();
    let mut plan = SamplePlan::new(reference, series, rules);
    for point in points {
        plan.take_float(point.timestamp_ms, point.value, 0, record, report);
    }
    if record.floats.len() > before {
        define(reference, series, rules, record);
    }
}

/// Names a series in the record, unless the log has it already.
pub(super) fn define(reference: SeriesRef, series: &mut MemSeries, rules: AppendRules, record: &mut Record) {
    if series.defined_epoch != rules.epoch {
        series.defined_epoch = rules.epoch;
        record.definitions.push((reference, series.labels.clone()));
    }
}

/// The samples of one series of a batch.
pub(super) struct SamplePlan<'a> {
    reference: SeriesRef,
    series: &'a MemSeries,
    /// Of the batch.
    last_ms: i64,
    start_ms: i64,
    window_ms: i64,
    newest_ms: i64,
}

impl<'a> SamplePlan<'a> {
    pub(super) fn new(reference: SeriesRef, series: &'a MemSeries, rules: AppendRules) -> Self {
        Self {
            reference,
            series,
            last_ms: i64::MIN,
            start_ms: series.start_ms(),
            window_ms: rules.out_of_order_window_ms,
            newest_ms: rules.newest_ms,
        }
    }

    pub(super) fn take(&mut self, sample: MetricSample, start_ms: i64, record: &mut Record, report: &mut AppendReport) {
        let timestamp_ms = sample.timestamp_ms;
        let histogram = match sample.value {
            MetricValue::Float(value) => return self.take_float(timestamp_ms, value, start_ms, record, report),
            MetricValue::Histogram(histogram) => histogram,
        };
        let verdict = match self.verdict_of_order(timestamp_ms) {
            Some(verdict) => verdict,
            None => self.series.check_histogram(timestamp_ms, &histogram),
        };
        if self.is_accepted(verdict, timestamp_ms, start_ms, record, report) {
            record.histograms.push((self.reference, timestamp_ms, histogram));
        }
    }

    fn take_float(
        &mut self,
        timestamp_ms: i64,
        value: f64,
        start_ms: i64,
        record: &mut Record,
        report: &mut AppendReport,
    ) {
        let verdict = match self.verdict_of_order(timestamp_ms) {
            Some(verdict) => verdict,
            None => self.series.check_float(timestamp_ms, value, self.window_ms),
        };
        if self.is_accepted(verdict, timestamp_ms, start_ms, record, report) {
            record.floats.push(FloatSample {
                reference: self.reference,
                timestamp_ms,
                value,
            });
        }
    }

    /// What is plain from the clock and the samples before in the batch; `None` where the series must say.
    fn verdict_of_order(&self, timestamp_ms: i64) -> Option<Verdict> {
        if timestamp_ms > self.newest_ms {
            Some(Verdict::Ahead)
        } else if timestamp_ms > self.last_ms || self.window_ms > 0 {
            None
        } else if timestamp_ms == self.last_ms {
            Some(Verdict::Duplicate)
        } else {
            Some(Verdict::OutOfOrder)
        }
    }

    /// Keeps the books of a verdict; whether the sample is to be written.
    fn is_accepted(
        &mut self,
        verdict: Verdict,
        timestamp_ms: i64,
        start_ms: i64,
        record: &mut Record,
        report: &mut AppendReport,
    ) -> bool {
        match verdict {
            Verdict::Accept => {
                self.last_ms = timestamp_ms.max(self.last_ms);
                report.stored += 1;
                self.note_start(timestamp_ms, start_ms, record);
            }
            Verdict::Repeated => report.stored += 1,
            Verdict::Duplicate => report.refuse("duplicate_timestamp", || {
                format!(
                    "duplicate sample for timestamp {timestamp_ms}; overrides not allowed: {}",
                    self.series.labels
                )
            }),
            Verdict::OutOfOrder => report.refuse("out_of_order", || {
                format!(
                    "out of order sample for series {} at {timestamp_ms}",
                    self.series.labels
                )
            }),
            Verdict::Ahead => report.refuse("too_far_in_future", || {
                format!(
                    "out of bounds: timestamp is too far in the future: {} at {timestamp_ms}",
                    self.series.labels
                )
            }),
        }
        verdict == Verdict::Accept
    }

    /// A late sample says nothing of those after it.
    fn note_start(&mut self, timestamp_ms: i64, start_ms: i64, record: &mut Record) {
        if start_ms == self.start_ms || timestamp_ms < self.last_ms {
            return;
        }
        self.start_ms = start_ms;
        record.starts.push(StartSample {
            reference: self.reference,
            timestamp_ms,
            start_ms,
        });
    }
}
