//! Decides what of a batch is taken, and makes the record of it.

use skopos_core::TenantId;
use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricValue, SeriesBatch,
};

use super::Head;
use crate::record::{FloatSample, Record, SeriesRef, StartSample};
use crate::series::{MemSeries, Verdict};

/// What decides about samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendRules {
    /// Epoch of the log: series must be defined once in each.
    pub(crate) epoch: u32,
    pub(crate) out_of_order_window_ms: i64,
    pub(crate) max_series: usize,
}

impl Head {
    /// Checks a batch and makes the record of what of it is taken. Series that are new get their
    /// reference here; samples reach the head with [`Head::apply`].
    pub(crate) fn plan(
        &mut self,
        tenant: &TenantId,
        batch: MetricBatch,
        rules: AppendRules,
        report: &mut AppendReport,
    ) -> Record {
        let mut record = Record::new(tenant.clone());
        record.floats.reserve(batch.series.len());
        for series in batch.series {
            self.plan_series(series, rules, &mut record, report);
        }
        self.plan_metadata(batch.metadata, rules.epoch, &mut record);
        record
    }

    fn plan_series(&mut self, batch: SeriesBatch, rules: AppendRules, record: &mut Record, report: &mut AppendReport) {
        let Some(reference) = self.reference(&batch.labels, rules.max_series) else {
            for _ in 0..batch.samples.len() {
                report.refuse("max_series", || {
                    format!("{}: the tenant has its {} series", batch.labels, rules.max_series)
                });
            }
            return;
        };
        let Some(series) = self.table.get_mut(reference) else {
            return;
        };
        let before = record.len() + record.exemplars.len();
        if !batch.exemplars.is_empty() {
            plan_exemplars((reference, series), &batch.samples, batch.exemplars, record, report);
        }
        let mut plan = SamplePlan {
            reference,
            series,
            last_ms: i64::MIN,
            start_ms: series.start_ms(),
            window_ms: rules.out_of_order_window_ms,
        };
        let mut starts = batch.start_timestamps_ms.into_iter();
        for sample in batch.samples {
            plan.take(sample, starts.next().unwrap_or(0), record, report);
        }
        if record.len() + record.exemplars.len() > before && series.defined_epoch != rules.epoch {
            series.defined_epoch = rules.epoch;
            record.definitions.push((reference, series.labels.clone()));
        }
    }

    fn plan_metadata(&mut self, metadata: Vec<MetricMetadata>, epoch: u32, record: &mut Record) {
        for entry in metadata {
            if self.metadata.get(&entry.metric) != Some(&entry) {
                self.metadata.insert(entry.metric.clone(), entry.clone());
                record.metadata.push(entry);
            }
        }
        if self.metadata_epoch != epoch && !record.is_empty() {
            self.metadata_epoch = epoch;
            record.metadata = self.metadata.values().cloned().collect();
        }
    }
}

/// The samples of one series of a batch.
struct SamplePlan<'a> {
    reference: SeriesRef,
    series: &'a MemSeries,
    /// Of the batch.
    last_ms: i64,
    start_ms: i64,
    window_ms: i64,
}

impl SamplePlan<'_> {
    fn take(&mut self, sample: MetricSample, start_ms: i64, record: &mut Record, report: &mut AppendReport) {
        let timestamp_ms = sample.timestamp_ms;
        match self.verdict(&sample) {
            Verdict::Accept => {
                self.last_ms = timestamp_ms.max(self.last_ms);
                report.stored += 1;
                self.note_start(timestamp_ms, start_ms, record);
                let reference = self.reference;
                match sample.value {
                    MetricValue::Float(value) => record.floats.push(FloatSample {
                        reference,
                        timestamp_ms,
                        value,
                    }),
                    MetricValue::Histogram(histogram) => record.histograms.push((reference, timestamp_ms, histogram)),
                }
            }
            Verdict::Repeated => report.stored += 1,
            Verdict::Duplicate => report.refuse("duplicate_timestamp", || self.example(timestamp_ms)),
            Verdict::OutOfOrder => report.refuse("out_of_order", || self.example(timestamp_ms)),
        }
    }

    fn verdict(&self, sample: &MetricSample) -> Verdict {
        let timestamp_ms = sample.timestamp_ms;
        if timestamp_ms > self.last_ms || self.window_ms > 0 {
            return self.series.check(timestamp_ms, &sample.value, self.window_ms);
        }
        if timestamp_ms == self.last_ms {
            Verdict::Duplicate
        } else {
            Verdict::OutOfOrder
        }
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

    fn example(&self, timestamp_ms: i64) -> String {
        format!("{} at {timestamp_ms}", self.series.labels)
    }
}

/// Takes the exemplars that do not repeat the one before; targets show the same exemplar in each
/// scrape until they have a newer one. A repeated one counts as stored, as it is.
fn plan_exemplars(
    (reference, series): (SeriesRef, &MemSeries),
    samples: &[MetricSample],
    exemplars: Vec<Exemplar>,
    record: &mut Record,
    report: &mut AppendReport,
) {
    report.stored += exemplars.len() as u64;
    let mut last = series.last_exemplar().cloned();
    for exemplar in exemplars {
        if last.as_ref().is_some_and(|last| repeats(last, &exemplar, samples)) {
            continue;
        }
        last = Some(exemplar.clone());
        record.exemplars.push((reference, exemplar));
    }
}

/// Whether an exemplar is the last one again (Prometheus' `Exemplar.Equals`). One without a time
/// of its own has that of its sample, which says nothing about when it was observed.
fn repeats(last: &Exemplar, exemplar: &Exemplar, samples: &[MetricSample]) -> bool {
    let timestamp_ms = exemplar.timestamp_ms;
    let has_time_of_sample = || samples.iter().any(|sample| sample.timestamp_ms == timestamp_ms);
    last.labels == exemplar.labels
        && last.value.to_bits() == exemplar.value.to_bits()
        && (last.timestamp_ms == timestamp_ms || has_time_of_sample())
}
