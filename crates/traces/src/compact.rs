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
/// went into others. One merge per tenant and day, so that a call stays short.
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
    for mut parts in groups.into_values() {
        parts.sort_by_key(|part| part.spec.first_offset);
        let mut rows = 0;
        let small: Vec<_> = parts
            .into_iter()
            .take_while(|part| {
                rows += part.rows;
                rows <= MAX_ROWS
            })
            .collect();
        if small.len() >= least_parts.max(2) {
            compacted += merge(storage, &small)?;
        }
    }
    Ok(compacted)
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
