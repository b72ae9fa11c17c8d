//! Merges small parts of a day into a larger one, so that a lookup has few parts to ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::TenantId;
use skopos_storage::{PartMeta, PartSpec, SignalStorage, day};

use crate::error::FlushError;
use crate::flush::sort_for_part;
use crate::part::{self, SpanPartWriter};
use crate::telemetry;

/// Most spans of a merged part: they are in memory while it is written.
const MAX_ROWS: u64 = 200_000;

/// Merges where a day has at least `least_parts` small parts of one level; gives how many parts
/// went into others.
pub(crate) fn compact(storage: &SignalStorage, least_parts: usize) -> Result<u64, FlushError> {
    let mut groups: BTreeMap<(TenantId, i64, u8), Vec<Arc<PartMeta>>> = BTreeMap::new();
    for part in &storage.manifest().state().parts {
        let key = (
            part.spec.tenant.clone(),
            day::day_number(part.spec.min_time_ms),
            part.spec.level,
        );
        groups.entry(key).or_default().push(Arc::clone(part));
    }
    let mut compacted = 0;
    for parts in groups.into_values() {
        for run in runs(parts, least_parts.max(2)) {
            compacted += merge(storage, &run)?;
        }
    }
    Ok(compacted)
}

/// Runs of small parts, in the order of the log, each worth a merge.
fn runs(mut parts: Vec<Arc<PartMeta>>, least_parts: usize) -> Vec<Vec<Arc<PartMeta>>> {
    let large = MAX_ROWS / least_parts as u64;
    parts.retain(|part| part.rows <= large);
    parts.sort_by_key(|part| part.spec.first_offset);
    let mut runs: Vec<Vec<Arc<PartMeta>>> = vec![Vec::new()];
    let mut rows = 0;
    for part in parts {
        if rows + part.rows > MAX_ROWS {
            runs.push(Vec::new());
            rows = 0;
        }
        rows += part.rows;
        runs.last_mut().expect("there is a run from the start").push(part);
    }
    runs.retain(|run| run.len() >= least_parts);
    runs
}

fn merge(storage: &SignalStorage, parts: &[Arc<PartMeta>]) -> Result<u64, FlushError> {
    let mut spans = Vec::new();
    for meta in parts {
        let Some(reader) = storage.open_part(meta)? else {
            return Ok(0);
        };
        part::read_all(&reader, &mut spans).map_err(|error| FlushError::Encode(error.to_string()))?;
    }
    sort_for_part(&mut spans);
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return Ok(0);
    };
    let mut writer = SpanPartWriter::new()?;
    for span in &spans {
        writer.push(span)?;
    }
    let spec = PartSpec {
        level: first.spec.level.saturating_add(1),
        last_offset: last.spec.last_offset,
        ..first.spec.clone()
    };
    let merged = writer.publish(storage.parts(), spec)?;
    let removed: Vec<String> = parts.iter().map(|part| part.path.clone()).collect();
    storage.replace(vec![merged], &removed, "compaction")?;
    telemetry::COMPACTIONS.inc();
    Ok(removed.len() as u64)
}

#[cfg(test)]
mod tests {
    use skopos_storage::Offset;

    use super::*;

    fn part(first: u64, rows: u64) -> Arc<PartMeta> {
        Arc::new(PartMeta {
            path: format!("{first}"),
            spec: PartSpec {
                tenant: TenantId::default(),
                level: 0,
                partition: 0,
                first_offset: Offset(first),
                last_offset: Offset(first),
                min_time_ms: 0,
                max_time_ms: 0,
                aggregate: None,
            },
            rows,
            bytes: 0,
            digest: String::new(),
        })
    }

    #[test]
    fn large_parts_do_not_stop_the_small_ones() {
        let parts = vec![
            part(9, 10),
            part(1, 10),
            part(2, MAX_ROWS),
            part(3, 10),
            part(4, MAX_ROWS / 2),
        ];
        let runs = runs(parts, 2);
        let paths: Vec<Vec<&str>> = runs
            .iter()
            .map(|run| run.iter().map(|part| part.path.as_str()).collect())
            .collect();
        assert_eq!(paths, [["1", "3", "4", "9"]]);
    }

    #[test]
    fn a_merge_is_bounded() {
        let parts = (0..40).map(|i| part(i, MAX_ROWS / 10)).collect();
        let runs = runs(parts, 8);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 10, 10]);
        assert!(super::runs(vec![part(0, 1), part(1, 1)], 3).is_empty());
    }
}
