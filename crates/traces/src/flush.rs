//! Brings heads to parts: one part a day, spans sorted by trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::TenantId;
use skopos_core::span::{Span, TraceId};
use skopos_storage::{Offset, PartMeta, PartSpec, SignalStorage, day};

use crate::error::FlushError;
use crate::head::{Head, HeadSpan};
use crate::part::SpanPartWriter;

/// Partition of the local log.
const PARTITION: u32 = 0;

/// Heads that were cut off, and the records that they come from.
pub(crate) struct Frozen<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) heads: &'a [Arc<Head>],
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
}

/// Writes the parts of a tenant. They are not live before they are committed.
pub(crate) fn write_parts(storage: &SignalStorage, frozen: &Frozen<'_>) -> Result<Vec<PartMeta>, FlushError> {
    let starts = trace_starts(frozen.heads);
    let mut days: BTreeMap<i64, Vec<(usize, &HeadSpan)>> = BTreeMap::new();
    for (number, head) in frozen.heads.iter().enumerate() {
        for span in head.spans() {
            let day = day::day_number(span.start_ns.div_euclid(1_000_000));
            days.entry(day).or_default().push((number, span));
        }
    }
    let mut parts = Vec::with_capacity(days.len());
    for mut spans in days.into_values() {
        spans.sort_by_key(|(_, span)| (starts.get(&span.trace_id), span.trace_id, span.start_ns));
        let mut writer = SpanPartWriter::new()?;
        for (number, span) in spans {
            let decoded = frozen.heads[number].decode_span(span);
            writer.push(&decoded.map_err(|error| FlushError::Encode(error.to_string()))?)?;
        }
        let spec = PartSpec {
            tenant: frozen.tenant.clone(),
            level: 0,
            partition: PARTITION,
            first_offset: frozen.first_offset,
            last_offset: frozen.last_offset,
            min_time_ms: 0,
            max_time_ms: 0,
            aggregate: None,
        };
        parts.push(writer.publish(storage.parts(), spec)?);
    }
    Ok(parts)
}

fn trace_starts(heads: &[Arc<Head>]) -> HashMap<TraceId, i64> {
    let mut starts: HashMap<TraceId, i64> = HashMap::new();
    for head in heads {
        for (trace_id, start_ns) in head.trace_starts() {
            let earliest = starts.entry(trace_id).or_insert(start_ns);
            *earliest = start_ns.min(*earliest);
        }
    }
    starts
}

/// Sorts spans as parts have them: traces by their first span, spans of a trace by start.
pub(crate) fn sort_for_part(spans: &mut [Span]) {
    let mut starts: HashMap<TraceId, i64> = HashMap::new();
    for span in spans.iter() {
        let earliest = starts.entry(span.trace_id).or_insert(span.start_ns);
        *earliest = span.start_ns.min(*earliest);
    }
    spans.sort_by_key(|span| (starts.get(&span.trace_id).copied(), span.trace_id, span.start_ns));
}
