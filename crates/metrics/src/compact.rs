//! Many small parts to few large ones, and parts anew without what was deleted.
//!
//! Parts of one day are merged where four of one level are there, and all of them when the day is
//! over. A merge goes through its parts series by series, so it holds the compressed result and no
//! more; its inputs together are bounded. The manifest replaces them by it at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::metric::MetricMetadata;
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_storage::day::day_number;
use skopos_storage::{PartMeta, PartReader, StorageError};

use crate::part::{Covers, PartCursor, PartIndex, PartsBuilder, SeriesContent, read_metadata};
use crate::store::Shared;
use crate::tombstones::Tombstone;

/// So many parts of one level and day become one of the next.
const FAN_IN: usize = 4;
/// Most bytes of parts that are merged into one.
const MAX_MERGED_BYTES: u64 = 256 * 1024 * 1024;
/// A day is over this long after its end: late samples have come and were flushed.
pub(crate) const DAY_CLOSES_AFTER_MS: i64 = 4 * 3_600_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

/// What a merge wrote; nothing is live before the manifest lists it.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    pub(crate) written: Vec<PartMeta>,
    /// Samples that deletions took out.
    pub(crate) deleted: u64,
}

/// An input of a merge.
pub(crate) struct Input {
    reader: Arc<PartReader>,
    index: PartIndex,
    tombstones: Vec<Tombstone>,
}

impl Shared {
    /// Merges what is due; gives how many parts became fewer.
    pub(crate) fn compact(&self, now_ms: i64) -> Result<u64, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let mut merged = 0;
        while let Some(group) = due(&self.storage.manifest().state().parts, now_ms) {
            let paths: Vec<String> = group.iter().map(|part| part.path.clone()).collect();
            let Some(merge) = self.merge(&group)? else {
                break;
            };
            merged += paths.len() as u64;
            self.replace_samples(merge.written, paths, "compaction")?;
        }
        let parts = &self.storage.manifest().state().parts;
        self.tombstones.forget_done(parts, None)?;
        Ok(merged)
    }

    /// Writes parts that hold what these hold, without what was deleted; `None` where one of them
    /// is gone.
    pub(crate) fn merge(&self, parts: &[PartMeta]) -> Result<Option<Merge>, StorageError> {
        let Some(first) = parts.first() else {
            return Ok(None);
        };
        let Some(inputs) = self.open_inputs(parts)? else {
            return Ok(None);
        };
        let specs = || parts.iter().map(|part| &part.spec);
        let covers = Covers {
            tenant: first.spec.tenant.clone(),
            level: specs()
                .map(|spec| spec.level)
                .max()
                .unwrap_or_default()
                .saturating_add(1),
            first_offset: specs().map(|spec| spec.first_offset).min().unwrap_or_default(),
            last_offset: specs().map(|spec| spec.last_offset).max().unwrap_or_default(),
        };
        let mut builder = PartsBuilder::new(self.storage.parts(), covers, merged_metadata(&inputs));
        let deleted = merge_series(&inputs, |labels, content| builder.add(labels, content))?;
        Ok(Some(Merge {
            written: builder.finish()?,
            deleted,
        }))
    }

    /// Opens parts with the deletions that concern them; `None` where one is gone.
    pub(crate) fn open_inputs(&self, parts: &[PartMeta]) -> Result<Option<Vec<Input>>, StorageError> {
        let mut inputs = Vec::new();
        for meta in parts {
            let Some(reader) = self.storage.open_part(meta)? else {
                return Ok(None);
            };
            inputs.push(Input {
                index: PartIndex::read(&reader)?,
                tombstones: self.tombstones.of_part(meta),
                reader,
            });
        }
        Ok(Some(inputs))
    }

    /// Puts parts of samples in place of others, with what follows for windows made of those.
    pub(crate) fn replace_samples(
        &self,
        written: Vec<PartMeta>,
        mut removed: Vec<String>,
        cause: &str,
    ) -> Result<(), StorageError> {
        let (windows, outdated) = self.follow_inputs(&removed, &written);
        removed.extend(outdated);
        let added = written.into_iter().chain(windows).collect();
        self.storage.replace(added, &removed, cause)
    }

    /// Removes parts that a merge wrote and nobody wants.
    pub(crate) fn discard(&self, written: &[PartMeta]) -> Result<(), StorageError> {
        written
            .iter()
            .try_for_each(|part| self.storage.parts().remove(&part.path, "unused"))
    }
}

/// Goes through all inputs in the order of labels; gives how many samples deletions took out.
pub(crate) fn merge_series(
    inputs: &[Input],
    mut take: impl FnMut(&Labels, &SeriesContent) -> Result<(), StorageError>,
) -> Result<u64, StorageError> {
    let mut cursors = Vec::new();
    let mut heads: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (number, input) in inputs.iter().enumerate() {
        let cursor = PartCursor::open(&input.reader, &input.index)?;
        if let Some(labels) = cursor.peek() {
            heads.entry(labels).or_default().push(number);
        }
        cursors.push(cursor);
    }
    let mut deleted = 0;
    while let Some((labels, numbers)) = heads.pop_first() {
        let mut content = SeriesContent::default();
        let mut numbers: Vec<usize> = numbers;
        numbers.sort_unstable();
        for number in numbers {
            let mut one = SeriesContent::default();
            cursors[number].take(&mut one)?;
            deleted += delete(&inputs[number].tombstones, &labels, &mut one);
            content.run.extend(one.run);
            content.exemplars.append(&mut one.exemplars);
            if let Some(next) = cursors[number].peek() {
                heads.entry(next).or_default().push(number);
            }
        }
        content.run.normalise(TimeRange::ALL);
        take(&labels, &content)?;
    }
    Ok(deleted)
}

fn delete(tombstones: &[Tombstone], labels: &Labels, content: &mut SeriesContent) -> u64 {
    let before = content.run.series.len();
    for tombstone in tombstones {
        tombstone.apply(labels, &mut content.run.series);
        if tombstone.matches(labels) {
            content
                .exemplars
                .retain(|exemplar| !tombstone.range.contains(exemplar.timestamp_ms));
        }
    }
    (before - content.run.series.len()) as u64
}

/// Of several entries for a family that of the last part.
pub(crate) fn merged_metadata(inputs: &[Input]) -> Vec<MetricMetadata> {
    let mut by_metric = BTreeMap::new();
    for entry in inputs.iter().flat_map(|input| read_metadata(&input.reader)) {
        by_metric.insert(entry.metric.clone(), entry);
    }
    by_metric.into_values().collect()
}

/// The parts that are to be merged next, oldest offsets first.
fn due(parts: &[Arc<PartMeta>], now_ms: i64) -> Option<Vec<PartMeta>> {
    let mut days: BTreeMap<(&TenantId, i64), Vec<&Arc<PartMeta>>> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.spec.aggregate.is_none()) {
        let day = day_number(part.spec.min_time_ms);
        days.entry((&part.spec.tenant, day)).or_default().push(part);
    }
    days.into_iter().find_map(|((_, day), mut of_day)| {
        of_day.sort_by_key(|part| (part.spec.first_offset, part.spec.level));
        let is_over = (day + 1) * DAY_MS + DAY_CLOSES_AFTER_MS < now_ms;
        let levels = of_day.iter().map(|part| part.spec.level);
        let chosen = if is_over {
            bounded(of_day.iter().copied())
        } else {
            let count = |level| levels.clone().filter(|other| *other == level).count();
            let full = levels.clone().find(|level| count(*level) >= FAN_IN)?;
            bounded(of_day.iter().copied().filter(|part| part.spec.level == full))
        };
        (chosen.len() > 1).then(|| chosen.into_iter().map(|part| part.as_ref().clone()).collect())
    })
}

/// As many of the parts as may be merged into one; large ones stay alone.
fn bounded<'a>(parts: impl Iterator<Item = &'a Arc<PartMeta>>) -> Vec<&'a Arc<PartMeta>> {
    let mut bytes = 0u64;
    let mut chosen = Vec::new();
    for part in parts.filter(|part| part.bytes < MAX_MERGED_BYTES / 2) {
        bytes = bytes.saturating_add(part.bytes);
        if bytes > MAX_MERGED_BYTES {
            break;
        }
        chosen.push(part);
    }
    chosen
}
