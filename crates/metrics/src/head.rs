//! The head of one tenant: recent series in memory, with their index, exemplars and metadata.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use skopos_core::metric::{AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSample, Series, SeriesBatch};
use skopos_core::{Labels, Matcher, TenantId, TimeRange, matcher};

use crate::index::Index;
use crate::record::{Record, SeriesRef};
use crate::series::{MemSeries, Verdict};

/// Exemplars kept of a tenant; the oldest go first.
const MAX_EXEMPLARS: usize = 20_000;

/// The recent data of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    series: BTreeMap<SeriesRef, MemSeries>,
    by_labels: HashMap<Labels, SeriesRef>,
    index: Index,
    next_reference: SeriesRef,
    exemplars: VecDeque<(Labels, Exemplar)>,
    metadata: BTreeMap<String, MetricMetadata>,
    metadata_epoch: u64,
}

/// What decides about samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendRules {
    /// Epoch of the log: series must be defined once in each.
    pub(crate) epoch: u64,
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
        let before = record.samples.len() + record.exemplars.len();
        self.plan_exemplars(reference, &batch.samples, batch.exemplars, record, report);
        let mut last_ms = i64::MIN;
        for sample in batch.samples {
            self.plan_sample(reference, sample, &mut last_ms, rules, record, report);
        }
        let wrote = record.samples.len() + record.exemplars.len() > before;
        if let Some(series) = self.series.get_mut(&reference)
            && wrote
            && series.defined_epoch != rules.epoch
        {
            series.defined_epoch = rules.epoch;
            record.definitions.push((reference, series.labels.clone()));
        }
    }

    fn plan_sample(
        &self,
        reference: SeriesRef,
        sample: MetricSample,
        last_ms: &mut i64,
        rules: AppendRules,
        record: &mut Record,
        report: &mut AppendReport,
    ) {
        let Some(series) = self.series.get(&reference) else {
            return;
        };
        let timestamp_ms = sample.timestamp_ms;
        let within_batch = timestamp_ms <= *last_ms && rules.out_of_order_window_ms == 0;
        let verdict = if within_batch {
            if timestamp_ms == *last_ms {
                Verdict::Duplicate
            } else {
                Verdict::OutOfOrder
            }
        } else {
            series.check(timestamp_ms, &sample.value, rules.out_of_order_window_ms)
        };
        let example = || format!("{} at {timestamp_ms}", series.labels);
        match verdict {
            Verdict::Accept => {
                *last_ms = timestamp_ms.max(*last_ms);
                report.stored += 1;
                record.samples.push((reference, timestamp_ms, sample.value));
            }
            Verdict::Repeated => report.stored += 1,
            Verdict::Duplicate => report.refuse("duplicate_timestamp", example),
            Verdict::OutOfOrder => report.refuse("out_of_order", example),
        }
    }

    /// Takes the exemplars that do not repeat the one before; targets show the same exemplar in
    /// each scrape until they have a newer one. A repeated one counts as stored, as it is.
    fn plan_exemplars(
        &self,
        reference: SeriesRef,
        samples: &[MetricSample],
        exemplars: Vec<Exemplar>,
        record: &mut Record,
        report: &mut AppendReport,
    ) {
        report.stored += exemplars.len() as u64;
        let mut last = self.series.get(&reference).and_then(MemSeries::last_exemplar).cloned();
        for exemplar in exemplars {
            if last.as_ref().is_some_and(|last| repeats(last, &exemplar, samples)) {
                continue;
            }
            last = Some(exemplar.clone());
            record.exemplars.push((reference, exemplar));
        }
    }

    fn plan_metadata(&mut self, metadata: Vec<MetricMetadata>, epoch: u64, record: &mut Record) {
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

    fn reference(&mut self, labels: &Labels, max_series: usize) -> Option<SeriesRef> {
        if let Some(reference) = self.by_labels.get(labels) {
            return Some(*reference);
        }
        if max_series > 0 && self.series.len() >= max_series {
            return None;
        }
        let reference = self.next_reference;
        self.next_reference = self.next_reference.checked_add(1)?;
        self.by_labels.insert(labels.clone(), reference);
        self.index.add(reference, labels);
        self.series.insert(reference, MemSeries::new(labels.clone()));
        Some(reference)
    }

    /// Applies a record that [`Head::plan`] made.
    pub(crate) fn apply(&mut self, record: Record) {
        for (reference, timestamp_ms, value) in record.samples {
            if let Some(series) = self.series.get_mut(&reference) {
                series.append(timestamp_ms, value);
            }
        }
        for (reference, exemplar) in record.exemplars {
            self.append_exemplar(reference, exemplar);
        }
    }

    fn append_exemplar(&mut self, reference: SeriesRef, exemplar: Exemplar) {
        let Some(series) = self.series.get_mut(&reference) else {
            return;
        };
        series.set_last_exemplar(exemplar.clone());
        self.exemplars.push_back((series.labels.clone(), exemplar));
        if self.exemplars.len() > MAX_EXEMPLARS {
            self.exemplars.pop_front();
        }
    }

    /// Applies a record of the log, whose references mean what `labels` says. Samples that the
    /// head has already are passed over.
    pub(crate) fn replay(
        &mut self,
        record: Record,
        labels: &HashMap<SeriesRef, Labels>,
        out_of_order_window_ms: i64,
    ) -> u64 {
        let mut samples = 0;
        for (reference, timestamp_ms, value) in record.samples {
            let own = labels.get(&reference).and_then(|labels| self.reference(labels, 0));
            let Some(series) = own.and_then(|own| self.series.get_mut(&own)) else {
                continue;
            };
            if series.check(timestamp_ms, &value, out_of_order_window_ms) == Verdict::Accept {
                series.append(timestamp_ms, value);
                samples += 1;
            }
        }
        for (reference, exemplar) in record.exemplars {
            if let Some(own) = labels.get(&reference).and_then(|labels| self.reference(labels, 0)) {
                self.append_exemplar(own, exemplar);
            }
        }
        for entry in record.metadata {
            self.metadata.insert(entry.metric.clone(), entry);
        }
        samples
    }

    /// The series that match.
    pub(crate) fn matching<'a>(&'a self, matchers: &'a [Matcher]) -> Vec<&'a MemSeries> {
        let all_match = |series: &&MemSeries| matcher::all_match(matchers, &series.labels);
        match self.index.candidates(matchers) {
            Some(references) => references
                .iter()
                .filter_map(|r| self.series.get(r))
                .filter(all_match)
                .collect(),
            None => self.series.values().filter(all_match).collect(),
        }
    }

    /// All series.
    pub(crate) fn all(&self) -> impl Iterator<Item = &MemSeries> {
        self.series.values()
    }

    /// Exemplars of matching series in the range, oldest first.
    pub(crate) fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Exemplar)> {
        let wanted = |entry: &&(Labels, Exemplar)| {
            range.contains(entry.1.timestamp_ms) && matcher::all_match(matchers, &entry.0)
        };
        self.exemplars.iter().filter(wanted).cloned().collect()
    }

    /// Metadata of one family, or of all.
    pub(crate) fn metadata(&self, metric: Option<&str>) -> Vec<MetricMetadata> {
        match metric {
            Some(metric) => self.metadata.get(metric).cloned().into_iter().collect(),
            None => self.metadata.values().cloned().collect(),
        }
    }

    /// Copies what no part has, for a flush.
    pub(crate) fn take_unflushed(&mut self) -> Vec<Series> {
        let copies = self.series.values_mut().map(MemSeries::take_unflushed);
        copies.filter(|series| !series.is_empty()).collect()
    }

    /// What [`Head::take_unflushed`] gave lies in parts now.
    pub(crate) fn note_flushed(&mut self) {
        for series in self.series.values_mut() {
            series.note_flushed();
        }
    }

    /// The oldest sample that no part has.
    pub(crate) fn oldest_unflushed_ms(&self) -> Option<i64> {
        self.series.values().filter_map(MemSeries::oldest_unflushed_ms).min()
    }

    /// First and last time of all series.
    pub(crate) fn bounds(&self) -> Option<TimeRange> {
        let bounds = self.series.values().filter_map(MemSeries::bounds);
        bounds.reduce(|a, b| TimeRange::new(a.start_ms.min(b.start_ms), a.end_ms.max(b.end_ms)))
    }

    /// Forgets samples up to `timestamp_ms` and the series that are left without any.
    pub(crate) fn forget(&mut self, timestamp_ms: i64) {
        let mut empty = Vec::new();
        for (reference, series) in &mut self.series {
            if series.forget(timestamp_ms) {
                empty.push(*reference);
            }
        }
        for reference in empty {
            if let Some(series) = self.series.remove(&reference) {
                self.by_labels.remove(&series.labels);
                self.index.remove(reference, &series.labels);
            }
        }
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
