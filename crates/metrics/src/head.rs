//! The head of one tenant: recent series in memory, with their index, exemplars and metadata.

mod exemplars;
mod metadata;
mod order;
mod plan;
mod table;
mod undo;

use std::collections::BTreeMap;

use skopos_core::metric::{DeleteReport, Exemplar, MetricMetadata};
use skopos_core::{Labels, Matcher, TimeRange, matcher};

use crate::index::Index;
use crate::record::{Deletion, Record, SeriesRef};
use crate::run::{Run, Start};
use crate::series::MemSeries;
use crate::telemetry;

use exemplars::Exemplars;
use order::Order;
pub(crate) use plan::AppendRules;
use table::SeriesTable;

/// The recent data of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    table: SeriesTable,
    index: Index,
    exemplars: Exemplars,
    metadata: BTreeMap<String, MetricMetadata>,
    metadata_epoch: u32,
    growth: Growth,
    order: Order,
    /// How often samples were forgotten.
    forgets: u64,
}

impl Head {
    /// An empty head that keeps so many exemplars.
    pub(crate) fn new(max_exemplars: usize) -> Self {
        Self {
            exemplars: Exemplars::new(max_exemplars),
            ..Self::default()
        }
    }

    /// Keeps so many exemplars from now on.
    pub(crate) fn set_max_exemplars(&mut self, most: usize) {
        self.exemplars.set_most(most);
    }
}

/// Series that came and went since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    pub(crate) created: u64,
    pub(crate) removed: u64,
    /// By metric, of metrics that have series.
    pub(crate) created_by_metric: BTreeMap<String, u64>,
}

/// What a flush takes of a head, sorted by labels. Samples stay in the head until they are read.
#[derive(Debug, Default)]
pub(crate) struct Unflushed {
    pub(crate) series: Vec<UnflushedSeries>,
    pub(crate) metadata: Vec<MetricMetadata>,
}

/// A series that a flush takes something of.
#[derive(Debug)]
pub(crate) struct UnflushedSeries {
    pub(crate) labels: Labels,
    /// Where its samples are; none where only exemplars are new.
    pub(crate) reference: Option<SeriesRef>,
    pub(crate) exemplars: Vec<Exemplar>,
}

impl Head {
    /// The number of a series, which is made where there is none; `None` where `max_series` are
    /// there (0 is no limit).
    fn reference(&mut self, labels: &Labels, max_series: usize) -> Option<SeriesRef> {
        if let Some(reference) = self.table.find(labels.encoded().as_bytes()) {
            return Some(reference);
        }
        if max_series > 0 && self.table.len() >= max_series {
            return None;
        }
        let reference = self.table.insert(MemSeries::new(labels.clone()))?;
        self.index.add(reference, labels);
        self.growth.created += 1;
        telemetry::SERIES.inc();
        telemetry::SERIES_CREATED.inc();
        match self.growth.created_by_metric.get_mut(labels.metric_name()) {
            Some(count) => *count += 1,
            None => drop(self.growth.created_by_metric.insert(labels.metric_name().to_owned(), 1)),
        }
        Some(reference)
    }

    /// Applies a record that [`Head::plan`] made.
    pub(crate) fn apply(&mut self, record: &mut Record) -> DeleteReport {
        for sample in &record.floats {
            if let Some(series) = self.table.get_mut(sample.reference) {
                series.append_float(sample.timestamp_ms, sample.value);
            }
        }
        for (reference, timestamp_ms, histogram) in record.histograms.drain(..) {
            if let Some(series) = self.table.get_mut(reference) {
                series.append_histogram(timestamp_ms, histogram);
            }
        }
        for start in &record.starts {
            if let Some(series) = self.table.get_mut(start.reference) {
                series.append_start(Start {
                    timestamp_ms: start.timestamp_ms,
                    start_ms: start.start_ms,
                });
            }
        }
        for (reference, exemplar) in record.exemplars.drain(..) {
            if let Some(series) = self.table.get_mut(reference) {
                series.set_last_exemplar(exemplar.clone());
                self.exemplars.push(&series.labels, exemplar);
            }
        }
        let mut report = DeleteReport::default();
        for deletion in &record.deletions {
            self.delete(deletion, &mut report);
        }
        report
    }

    fn delete(&mut self, deletion: &Deletion, report: &mut DeleteReport) {
        for reference in self.matching_references(&deletion.matchers) {
            let deleted = self
                .table
                .get_mut(reference)
                .map_or(0, |series| series.delete(deletion.range));
            report.samples += deleted;
            report.series += u64::from(deleted > 0);
        }
        self.exemplars.delete(&deletion.matchers, deletion.range);
    }

    /// Applies a record of the log, whose references mean what `known` says.
    pub(crate) fn replay(&mut self, mut record: Record, known: &mut Known) -> u64 {
        for (reference, labels) in record.definitions.drain(..) {
            if let Some(own) = self.reference(&labels, 0) {
                known.set(reference, own);
            }
        }
        record
            .floats
            .retain_mut(|sample| known.translate(&mut sample.reference));
        record.histograms.retain_mut(|sample| known.translate(&mut sample.0));
        record.starts.retain_mut(|start| known.translate(&mut start.reference));
        record.exemplars.retain_mut(|exemplar| known.translate(&mut exemplar.0));
        for entry in record.metadata.drain(..) {
            self.metadata.insert(entry.metric.clone(), entry);
        }
        let samples = record.len() as u64;
        self.apply(&mut record);
        samples
    }

    /// The series that match.
    pub(crate) fn matching<'a>(&'a self, matchers: &'a [Matcher]) -> impl Iterator<Item = &'a MemSeries> {
        let references = self.matching_references(matchers);
        references.into_iter().filter_map(|reference| self.table.get(reference))
    }

    /// The numbers of the series that match, sorted by labels.
    pub(crate) fn sorted(&self, matchers: &[Matcher]) -> Vec<SeriesRef> {
        self.order.sort(&self.table, self.matching_references(matchers))
    }

    /// The series of a number.
    pub(crate) fn series(&self, reference: SeriesRef) -> Option<&MemSeries> {
        self.table.get(reference)
    }

    /// How often samples were forgotten: as long as it stays, numbers mean the same series.
    pub(crate) fn forgets(&self) -> u64 {
        self.forgets
    }

    fn matching_references(&self, matchers: &[Matcher]) -> Vec<SeriesRef> {
        if let Some(references) = self.index.select(matchers) {
            return references;
        }
        let all = self.table.iter();
        let matching = all.filter(|(_, series)| matcher::all_match(matchers, &series.labels));
        matching.map(|(reference, _)| reference).collect()
    }

    /// All series.
    pub(crate) fn all(&self) -> impl Iterator<Item = &MemSeries> {
        self.table.iter().map(|(_, series)| series)
    }

    /// Exemplars of matching series in the range, oldest first.
    pub(crate) fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Exemplar)> {
        self.exemplars.matching(matchers, range)
    }

    /// Metadata of one family, or of all.
    pub(crate) fn metadata(&self, metric: Option<&str>) -> Vec<MetricMetadata> {
        match metric {
            Some(metric) => self.metadata.get(metric).cloned().into_iter().collect(),
            None => self.metadata.values().cloned().collect(),
        }
    }

    /// Takes metadata that a part kept, where nothing newer is known.
    pub(crate) fn restore_metadata(&mut self, metadata: Vec<MetricMetadata>) {
        for entry in metadata {
            self.metadata.entry(entry.metric.clone()).or_insert(entry);
        }
    }

    /// The postings.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// What came and went.
    pub(crate) fn growth(&self) -> &Growth {
        &self.growth
    }

    /// How many series there is memory for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Notes what no part has, for a flush.
    pub(crate) fn take_unflushed(&mut self) -> Unflushed {
        let mut exemplars = self.exemplars.take_unflushed();
        let mut series = Vec::new();
        for (reference, one) in self.table.iter_mut() {
            let mine = exemplars.remove(&one.labels);
            if one.mark_pending() || mine.is_some() {
                series.push(UnflushedSeries {
                    labels: one.labels.clone(),
                    reference: Some(reference),
                    exemplars: mine.unwrap_or_default(),
                });
            }
        }
        series.extend(exemplars.into_iter().map(|(labels, exemplars)| UnflushedSeries {
            labels,
            reference: None,
            exemplars,
        }));
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Unflushed {
            series,
            metadata: self.metadata.values().cloned().collect(),
        }
    }

    /// The samples of a series that a flush takes.
    pub(crate) fn read_pending(&self, series: &UnflushedSeries) -> Run {
        let found = series.reference.and_then(|reference| self.table.get(reference));
        // The number may have been given to another series since: then all was deleted.
        let found = found.filter(|found| found.labels == series.labels);
        found.map(MemSeries::read_pending).unwrap_or_default()
    }

    /// What [`Head::take_unflushed`] gave lies in parts now.
    pub(crate) fn note_flushed(&mut self) {
        for series in self.table.values_mut() {
            series.note_flushed();
        }
        self.exemplars.note_flushed();
    }

    /// The oldest sample that no part has.
    pub(crate) fn oldest_unflushed_ms(&self) -> Option<i64> {
        self.all().filter_map(MemSeries::oldest_unflushed_ms).min()
    }

    /// First and last time of all series.
    pub(crate) fn bounds(&self) -> Option<TimeRange> {
        let bounds = self.all().filter_map(MemSeries::bounds);
        bounds.reduce(|a, b| TimeRange::new(a.start_ms.min(b.start_ms), a.end_ms.max(b.end_ms)))
    }

    /// Forgets samples up to `timestamp_ms` and the series that are left without any.
    pub(crate) fn forget(&mut self, timestamp_ms: i64) {
        self.forgets += 1;
        let removed = self.table.remove_where(|series| series.forget(timestamp_ms));
        if removed.is_empty() {
            return;
        }
        self.growth.removed += removed.len() as u64;
        for (reference, _) in &removed {
            self.order.remove(*reference);
        }
        telemetry::SERIES.sub(removed.len() as i64);
        telemetry::SERIES_REMOVED.inc_by(removed.len() as u64);
        self.index.remove(&removed);
        self.forget_metadata();
        let index = &self.index;
        self.growth
            .created_by_metric
            .retain(|metric, _| index.has(skopos_core::labels::METRIC_NAME, metric));
    }
}

/// What references of a log that is replayed mean in the head.
#[derive(Debug, Default)]
pub(crate) struct Known {
    own: Vec<Option<SeriesRef>>,
}

/// References beyond this are not of our making: a log has one for each series of the head.
const MAX_REFERENCE: SeriesRef = 1 << 28;

impl Known {
    fn set(&mut self, reference: SeriesRef, own: SeriesRef) {
        if reference > MAX_REFERENCE {
            return;
        }
        let at = reference as usize;
        if self.own.len() <= at {
            self.own.resize(at + 1, None);
        }
        self.own[at] = Some(own);
    }

    /// Puts the head's number in place of the log's; false where the log never defined it.
    fn translate(&self, reference: &mut SeriesRef) -> bool {
        let own = self.own.get(*reference as usize).copied().flatten();
        if let Some(own) = own {
            *reference = own;
        }
        own.is_some()
    }
}
