//! From records of the log to items on their way out: which series are meant, under which labels they
//! leave, and what stays behind.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use skopos_core::metric::{MetricMetadata, MetricType};
use skopos_core::{Labels, LabelsBuilder, TenantId};
use skopos_metrics::LogRecord;
use skopos_relabel::{Relabeler, Verdict};
use skopos_wire::remote_write::{OutgoingItem, OutgoingValue};

use crate::progress::Place;
use crate::queue::Item;

/// Kinds of items, which are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A float sample.
    Float,
    /// A native histogram.
    Histogram,
    /// An exemplar.
    Exemplar,
}

/// Why an item is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkipReason {
    /// `write_relabel_configs` drop its series.
    DroppedSeries,
    /// It is older than `sample_age_limit`.
    TooOld,
    /// `send_native_histograms` or `send_exemplars` is off. What nobody wants is no loss.
    NotWanted,
    /// Its series is not known, for the log was damaged.
    UnintentionalDroppedSeries,
    /// It is of another tenant than the configuration's.
    OtherTenant,
    /// The receiver was away for longer than the log is kept.
    TooFarBehind,
}

impl SkipReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::DroppedSeries,
        Self::TooOld,
        Self::NotWanted,
        Self::UnintentionalDroppedSeries,
        Self::OtherTenant,
        Self::TooFarBehind,
    ];

    /// The value of the label `reason`, Prometheus' where it has one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DroppedSeries => "dropped_series",
            Self::TooOld => "too_old",
            Self::NotWanted => "not_wanted",
            Self::UnintentionalDroppedSeries => "unintentionally_dropped_series",
            Self::OtherTenant => "other_tenant",
            Self::TooFarBehind => "too_far_behind",
        }
    }
}

/// What of the configuration decides about items.
#[derive(Debug, Clone)]
pub struct ReadingRules {
    /// The tenant whose samples are sent.
    pub tenant: TenantId,
    /// Added where a series has no such label (`external_labels`).
    pub external_labels: Labels,
    /// `write_relabel_configs`, after the external labels.
    pub relabeler: Relabeler,
    /// Whether exemplars are sent.
    pub exemplars: bool,
    /// Whether native histograms are sent.
    pub native_histograms: bool,
    /// Samples older than this are not sent; zero is no limit.
    pub age_limit: Duration,
}

/// What becomes of an item of the log.
#[derive(Debug)]
pub enum Passed {
    /// It is sent.
    Item(Item),
    /// It is not.
    Skipped(ItemKind, SkipReason),
}

/// Reads records one after the other and remembers what numbers of series mean.
#[derive(Debug)]
pub struct Reading {
    rules: ReadingRules,
    series: HashMap<u32, Known>,
    metadata: HashMap<String, Arc<MetricMetadata>>,
    epoch: u64,
}

/// A series of the log.
#[derive(Debug)]
struct Known {
    hash: u64,
    /// Labels under which it leaves; `None` where the rules drop it.
    labels: Option<Labels>,
    start_ms: i64,
    /// The last epoch that defined it.
    epoch: u64,
}

impl Reading {
    /// Knows no series yet.
    pub fn new(rules: ReadingRules) -> Self {
        Self {
            rules,
            series: HashMap::new(),
            metadata: HashMap::new(),
            epoch: 0,
        }
    }

    /// From the next record on all series are defined anew: those that the epoch before did not define are
    /// forgotten.
    pub fn begin_epoch(&mut self) {
        let epoch = self.epoch;
        self.series.retain(|_, known| known.epoch == epoch);
        self.epoch += 1;
    }

    /// Series that are known.
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// Takes in what a record says of series and metadata, and nothing of its samples.
    pub fn learn(&mut self, record: &LogRecord) {
        if record.tenant != self.rules.tenant {
            return;
        }
        for (number, labels) in &record.definitions {
            self.define(*number, labels);
        }
        for entry in &record.metadata {
            if self.metadata.get(&entry.metric).map(Arc::as_ref) != Some(entry) {
                self.metadata.insert(entry.metric.clone(), Arc::new(entry.clone()));
            }
        }
        for (number, _, start_ms) in &record.starts {
            if let Some(known) = self.series.get_mut(number) {
                known.start_ms = *start_ms;
            }
        }
    }

    /// Passes on every item of a record that [`Self::learn`] has had, in the order of their numbers.
    /// Stops where `take` breaks.
    pub fn pass<B>(
        &self,
        record: LogRecord,
        now_ms: i64,
        mut take: impl FnMut(Place, Passed) -> std::ops::ControlFlow<B>,
    ) -> std::ops::ControlFlow<B> {
        let is_ours = record.tenant == self.rules.tenant;
        let mut place = Place::start_of(record.offset);
        let mut pass = |number: u32, kind: ItemKind, timestamp_ms: i64, value: OutgoingValue| {
            let passed = if is_ours {
                self.item(place, number, (kind, timestamp_ms), value, now_ms)
            } else {
                Passed::Skipped(kind, SkipReason::OtherTenant)
            };
            let at = place;
            place = place.after();
            take(at, passed)
        };
        for (number, timestamp_ms, value) in record.floats {
            pass(
                number,
                ItemKind::Float,
                timestamp_ms,
                OutgoingValue::Float { timestamp_ms, value },
            )?;
        }
        for (number, timestamp_ms, histogram) in record.histograms {
            let value = OutgoingValue::Histogram {
                timestamp_ms,
                histogram,
            };
            pass(number, ItemKind::Histogram, timestamp_ms, value)?;
        }
        for (number, exemplar) in record.exemplars {
            let timestamp_ms = exemplar.timestamp_ms;
            pass(
                number,
                ItemKind::Exemplar,
                timestamp_ms,
                OutgoingValue::Exemplar(exemplar),
            )?;
        }
        std::ops::ControlFlow::Continue(())
    }

    fn item(
        &self,
        place: Place,
        number: u32,
        (kind, timestamp_ms): (ItemKind, i64),
        value: OutgoingValue,
        now_ms: i64,
    ) -> Passed {
        let skipped = |reason| Passed::Skipped(kind, reason);
        let is_wanted = match kind {
            ItemKind::Float => true,
            ItemKind::Histogram => self.rules.native_histograms,
            ItemKind::Exemplar => self.rules.exemplars,
        };
        if !is_wanted {
            return skipped(SkipReason::NotWanted);
        }
        let Some(known) = self.series.get(&number) else {
            return skipped(SkipReason::UnintentionalDroppedSeries);
        };
        let Some(labels) = &known.labels else {
            return skipped(SkipReason::DroppedSeries);
        };
        if is_too_old(timestamp_ms, self.rules.age_limit, now_ms) {
            return skipped(SkipReason::TooOld);
        }
        Passed::Item(Item {
            place,
            hash: known.hash,
            kind,
            timestamp_ms,
            outgoing: OutgoingItem {
                metadata: self.metadata_of(labels.metric_name()),
                labels: labels.clone(),
                start_ms: known.start_ms,
                value,
            },
        })
    }

    fn define(&mut self, number: u32, labels: &Labels) {
        let hash = labels.fingerprint();
        if let Some(known) = self.series.get_mut(&number)
            && known.hash == hash
        {
            known.epoch = self.epoch;
            return;
        }
        let known = Known {
            hash,
            labels: self.rules.outgoing(labels),
            start_ms: 0,
            epoch: self.epoch,
        };
        self.series.insert(number, known);
    }

    /// Of the family that a series belongs to: series of histograms and summaries have its name and more.
    fn metadata_of(&self, name: &str) -> Option<Arc<MetricMetadata>> {
        if let Some(found) = self.metadata.get(name) {
            return Some(Arc::clone(found));
        }
        let of_family = |suffix: &str| {
            let found = self.metadata.get(name.strip_suffix(suffix)?)?;
            let is_compound = !matches!(
                found.metric_type,
                MetricType::Unknown | MetricType::Gauge | MetricType::Info | MetricType::StateSet
            );
            is_compound.then(|| Arc::clone(found))
        };
        ["_bucket", "_count", "_sum", "_total"].into_iter().find_map(of_family)
    }
}

impl ReadingRules {
    /// The labels under which a series leaves.
    fn outgoing(&self, labels: &Labels) -> Option<Labels> {
        let added = self
            .external_labels
            .iter()
            .filter(|(name, _)| labels.find(name).is_none());
        let added: Vec<_> = added.collect();
        if added.is_empty() && self.relabeler.is_empty() {
            return Some(labels.clone());
        }
        let mut builder = LabelsBuilder::from_labels(labels);
        for (name, value) in added {
            builder.set(name, value);
        }
        match self.relabeler.apply(&mut builder) {
            Verdict::Keep => Some(builder.build()).filter(|labels| !labels.is_empty()),
            Verdict::Drop => None,
        }
    }
}

/// Whether an item of this time is no longer sent; a limit of zero is none.
pub fn is_too_old(timestamp_ms: i64, limit: Duration, now_ms: i64) -> bool {
    let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    limit_ms > 0 && timestamp_ms < now_ms.saturating_sub(limit_ms)
}

#[cfg(test)]
mod tests;
