//! Decides what of a batch is taken, and makes the record of it.

mod samples;

use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSample, PackedFloats, SeriesBatch,
};
use skopos_core::{Labels, TenantId};

use super::Head;
use crate::record::{Record, SeriesRef};
use crate::series::MemSeries;

use samples::{SamplePlan, define, plan_points};

/// What decides about samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendRules {
    /// Epoch of the log: series must be defined once in each.
    pub(crate) epoch: u32,
    pub(crate) out_of_order_window_ms: i64,
    /// The latest time that a sample may have.
    pub(crate) newest_ms: i64,
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

    /// As [`Head::plan`], of packed floats: label sets are made of new series alone.
    pub(crate) fn plan_packed(
        &mut self,
        tenant: &TenantId,
        floats: &PackedFloats,
        rules: AppendRules,
        report: &mut AppendReport,
    ) -> Record {
        let mut record = Record::new(tenant.clone());
        record.floats.reserve_exact(floats.samples());
        let mut before = None;
        for (encoded, points) in floats.iter() {
            let Some(reference) = self.packed_reference(encoded, before, points.len(), rules, report) else {
                continue;
            };
            before = Some(reference);
            if let Some(series) = self.table.get_mut(reference) {
                plan_points((reference, series), points, rules, &mut record, report);
            }
        }
        self.plan_metadata(Vec::new(), rules.epoch, &mut record);
        record
    }

    /// The number of a series with `count` samples that came after `before`.
    fn packed_reference(
        &mut self,
        encoded: &[u8],
        before: Option<SeriesRef>,
        count: usize,
        rules: AppendRules,
        report: &mut AppendReport,
    ) -> Option<SeriesRef> {
        if let Some(reference) = self.table.find_after(before, encoded) {
            return Some(reference);
        }
        let labels = std::str::from_utf8(encoded).ok().and_then(Labels::from_encoded);
        let reference = labels.as_ref().map(|labels| self.reference(labels, rules.max_series));
        let Some(Some(reference)) = reference else {
            for _ in 0..count {
                match &labels {
                    Some(labels) => refuse_series(labels, rules, report),
                    None => report.refuse("invalid_labels", || String::from_utf8_lossy(encoded).into_owned()),
                }
            }
            return None;
        };
        self.table.note_after(before, reference);
        Some(reference)
    }

    fn plan_series(&mut self, batch: SeriesBatch, rules: AppendRules, record: &mut Record, report: &mut AppendReport) {
        let Some(reference) = self.reference(&batch.labels, rules.max_series) else {
            for _ in 0..batch.samples.len() {
                refuse_series(&batch.labels, rules, report);
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
        let mut plan = SamplePlan::new(reference, series, rules);
        let mut starts = batch.start_timestamps_ms.into_iter();
        for sample in batch.samples {
            plan.take(sample, starts.next().unwrap_or(0), record, report);
        }
        if record.len() + record.exemplars.len() > before {
            define(reference, series, rules, record);
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

fn refuse_series(labels: &Labels, rules: AppendRules, report: &mut AppendReport) {
    report.refuse("max_series", || {
        format!("{labels}: the tenant has its {} series", rules.max_series)
    });
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
