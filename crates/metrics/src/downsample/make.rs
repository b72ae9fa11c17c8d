//! Makes parts of windows of days that are over, and makes them anew where their samples changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::metric::{FloatWindow, MetricMetadata, MetricType};
use skopos_core::{Labels, TenantId};
use skopos_storage::{Aggregate, Offset, PartMeta, StorageError};

use super::summarise::{float_windows, histogram_windows};
use super::{Day, DownsampleOptions};
use crate::compact::{DAY_CLOSES_AFTER_MS, DAY_MS, merge_series, merged_metadata};
use crate::part::{Covers, PartsBuilder, SeriesContent};
use crate::store::Shared;

/// Most days that one round makes windows of: others wait for the parts meanwhile.
const DAYS_A_ROUND: usize = 8;

impl Shared {
    /// Makes what is due; gives how many parts were made.
    pub(crate) fn downsample(&self, now_ms: i64) -> Result<u64, StorageError> {
        if self.options.downsample.iter().all(|options| options.after.is_zero()) {
            return Ok(0);
        }
        let mut made = 0;
        for _ in 0..DAYS_A_ROUND {
            let _one_at_a_time = self.flushing.lock();
            let days = Day::of_parts(&self.storage.manifest().state().parts);
            let due = days.into_iter().find_map(|((tenant, number), day)| {
                let lengths = self.due(&tenant, number, &day, now_ms);
                (!lengths.is_empty()).then_some((day, lengths))
            });
            let Some((day, lengths)) = due else { break };
            let parts = self.make_windows(&day, &lengths)?;
            if parts == 0 {
                break;
            }
            made += parts;
        }
        Ok(made)
    }

    /// The lengths of windows that a day should have by now and has not.
    fn due(&self, tenant: &TenantId, number: i64, day: &Day, now_ms: i64) -> Vec<i64> {
        let end_ms = (number + 1) * DAY_MS;
        if day.raw.is_empty() || !day.is_whole() || end_ms + DAY_CLOSES_AFTER_MS >= now_ms {
            return Vec::new();
        }
        let raw = self.raw_retention(tenant);
        let is_going = raw.cutoff_ms(now_ms).is_some_and(|cutoff_ms| end_ms <= cutoff_ms);
        let of_age =
            |options: &DownsampleOptions| is_going || end_ms.saturating_add(options.after.as_millis() as i64) <= now_ms;
        let missing = self.missing(tenant, end_ms, day, now_ms);
        missing
            .filter(|options| of_age(options))
            .map(DownsampleOptions::resolution_ms)
            .collect()
    }

    /// Whether the samples of a day are needed for windows yet.
    pub(crate) fn waits_for_windows(&self, tenant: &TenantId, number: i64, day: &Day, now_ms: i64) -> bool {
        let mut missing = self.missing(tenant, (number + 1) * DAY_MS, day, now_ms);
        missing.next().is_some()
    }

    /// The windows that a day gets, sooner or later, and has not or no longer right.
    fn missing<'a>(
        &'a self,
        tenant: &'a TenantId,
        end_ms: i64,
        day: &'a Day,
        now_ms: i64,
    ) -> impl Iterator<Item = &'a DownsampleOptions> {
        let makes = self
            .options
            .downsample
            .iter()
            .filter(|options| !options.after.is_zero());
        makes.filter(move |options| {
            let resolution_ms = options.resolution_ms();
            let cutoff_ms = self.window_retention(tenant, resolution_ms).cutoff_ms(now_ms);
            cutoff_ms.is_none_or(|cutoff_ms| cutoff_ms < end_ms) && !self.has_current_windows(day, resolution_ms)
        })
    }

    /// Whether a day has windows of a length that say what its samples say.
    fn has_current_windows(&self, day: &Day, resolution_ms: i64) -> bool {
        day.windows_of(resolution_ms)
            .is_some_and(|windows| day.is_covered_by(windows) && self.tombstones.of_part(windows).is_empty())
    }

    /// Makes windows of the samples of a day in place of those there are; gives how many parts,
    /// none where a part of samples is gone. By whoever holds `flushing`.
    pub(crate) fn make_windows(&self, day: &Day, lengths: &[i64]) -> Result<u64, StorageError> {
        let raw: Vec<PartMeta> = day.raw.iter().map(|part| part.as_ref().clone()).collect();
        let deletions_before = self.tombstones.next_offset();
        let Some(inputs) = self.open_inputs(&raw)? else {
            return Ok(0);
        };
        let metadata = merged_metadata(&inputs);
        let mut builders = Vec::new();
        let mut replaced = Vec::new();
        for resolution_ms in lengths {
            let old = day.windows_of(*resolution_ms);
            let covers = covers(&raw, old.map(Arc::as_ref));
            let aggregate = Aggregate {
                resolution_ms: *resolution_ms,
                deletions_before,
                inputs: raw.iter().map(|part| part.path.clone()).collect(),
            };
            let Some(first) = raw.first() else { continue };
            let builder = PartsBuilder::new(self.storage.parts(), covers, metadata.clone())
                .of_windows(aggregate, first.spec.min_time_ms)?;
            builders.push((*resolution_ms, builder));
            replaced.extend(old.map(|part| part.path.clone()));
        }
        let types = Types::of(&metadata);
        merge_series(&inputs, |labels, content| {
            for (resolution_ms, builder) in &mut builders {
                add_series(builder, *resolution_ms, labels, content, &types)?;
            }
            Ok(())
        })?;
        let mut written = Vec::new();
        for (_, builder) in builders {
            written.extend(builder.finish()?);
        }
        let made = written.len() as u64;
        self.storage.replace(written, &replaced, "downsampling")?;
        Ok(made)
    }

    /// What becomes of windows when parts of samples are written anew as others: the changed entries
    /// of the manifest, and the paths of windows that no longer say what those hold. Gone samples
    /// are told by the paths of their parts, so those have to be followed.
    pub(crate) fn follow_inputs(&self, merged: &[String], written: &[PartMeta]) -> (Vec<PartMeta>, Vec<String>) {
        let (mut changed, mut outdated) = (Vec::new(), Vec::new());
        let days = Day::of_parts(&self.storage.manifest().state().parts);
        // Of a day that is not whole the windows say more than the samples: they stay as they are.
        let whole = days.values().filter(|day| day.is_whole());
        for part in whole.flat_map(|day| &day.windows) {
            let Some(aggregate) = &part.spec.aggregate else {
                continue;
            };
            let known = merged.iter().filter(|path| aggregate.inputs.contains(*path)).count();
            if known == 0 {
                continue;
            }
            if known < merged.len() {
                outdated.push(part.path.clone());
                continue;
            }
            let mut inputs = aggregate.inputs.clone();
            inputs.retain(|path| !merged.contains(path));
            inputs.extend(written.iter().map(|part| part.path.clone()));
            let mut part = part.as_ref().clone();
            part.spec.aggregate = Some(Aggregate {
                inputs,
                ..aggregate.clone()
            });
            changed.push(part);
        }
        (changed, outdated)
    }
}

/// What windows of these parts cover. Another level makes another path than that of the old ones.
fn covers(raw: &[PartMeta], old: Option<&PartMeta>) -> Covers {
    let offsets = |of: fn(&PartMeta) -> Offset| raw.iter().map(of);
    let tenant = raw.first().map(|part| part.spec.tenant.clone());
    Covers {
        tenant: tenant.unwrap_or_default(),
        level: old.map_or(0, |part| part.spec.level.wrapping_add(1)),
        first_offset: offsets(|part| part.spec.first_offset).min().unwrap_or_default(),
        last_offset: offsets(|part| part.spec.last_offset).max().unwrap_or_default(),
    }
}

/// Types of metric families, where known.
struct Types(BTreeMap<String, MetricType>);

impl Types {
    fn of(metadata: &[MetricMetadata]) -> Self {
        let types = metadata.iter().map(|entry| (entry.metric.clone(), entry.metric_type));
        Self(types.collect())
    }

    fn is_gauge(&self, labels: &Labels) -> bool {
        self.0.get(labels.metric_name()) == Some(&MetricType::Gauge)
    }
}

fn add_series(
    builder: &mut PartsBuilder<'_>,
    resolution_ms: i64,
    labels: &Labels,
    content: &SeriesContent,
    types: &Types,
) -> Result<(), StorageError> {
    let series = &content.run.series;
    let mut floats = float_windows(&series.timestamps_ms, &series.values, resolution_ms);
    if types.is_gauge(labels) {
        floats.iter_mut().for_each(forget_falls);
    }
    let histograms = histogram_windows(&series.histogram_timestamps_ms, &series.histograms, resolution_ms);
    builder.add_windows(labels, floats, &histograms)
}

/// Falls of a gauge are no resets, and take room.
fn forget_falls(window: &mut FloatWindow) {
    (window.lost, window.resets) = (0.0, 0.0);
}
