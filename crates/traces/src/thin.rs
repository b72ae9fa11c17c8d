//! Takes traces of low priority out of parts earlier than the rest: a trace of which a span says so
//! (`trace.priority` is `low`) and of which none failed. What a part has of a trace is judged by that part alone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use skopos_core::span::{AttributeValue, Span, StatusCode, TraceId, attribute};
use skopos_storage::{PartMeta, PartSpec, Retention, SignalStorage};

use crate::error::FlushError;
use crate::flush::sort_for_part;
use crate::part::{self, SpanPartWriter};
use crate::telemetry;

/// Attribute of a span that tells the priority of its trace.
const PRIORITY: &str = "trace.priority";
const LOW: &str = "low";
/// Parts that are looked at in one round: each is read as a whole.
const PARTS_A_ROUND: usize = 4;

/// Which parts were looked at. After a restart each is looked at once more.
#[derive(Debug, Default)]
pub(crate) struct Thinning {
    done: HashSet<String>,
}

impl Thinning {
    /// Looks at parts that are wholly older than `age`, some in each round; gives how many spans went. Zero is no limit.
    pub(crate) fn round(&mut self, storage: &SignalStorage, age: Duration, now_ms: i64) -> Result<u64, FlushError> {
        let Some(oldest_ms) = Retention::by_age(age).cutoff_ms(now_ms) else {
            return Ok(0);
        };
        let state = storage.manifest().state();
        let live: HashSet<&str> = state.parts.iter().map(|part| part.path.as_str()).collect();
        self.done.retain(|path| live.contains(path.as_str()));
        let due = state
            .parts
            .iter()
            .filter(|part| part.spec.max_time_ms < oldest_ms && !self.done.contains(&part.path));
        let due: Vec<Arc<PartMeta>> = due.take(PARTS_A_ROUND).cloned().collect();
        let mut gone = 0;
        for part in due {
            gone += self.thin(storage, &part)?;
        }
        Ok(gone)
    }

    fn thin(&mut self, storage: &SignalStorage, meta: &PartMeta) -> Result<u64, FlushError> {
        self.done.insert(meta.path.clone());
        let Some(reader) = storage.open_part(meta)? else {
            return Ok(0);
        };
        let mut spans = Vec::new();
        part::read_all(&reader, &mut spans).map_err(|error| FlushError::Encode(error.to_string()))?;
        let read = spans.len();
        let low = low_priority(&spans);
        spans.retain(|span| !low.contains(&span.trace_id));
        let gone = (read - spans.len()) as u64;
        if gone == 0 {
            return Ok(0);
        }
        let mut kept = Vec::new();
        if !spans.is_empty() {
            sort_for_part(&mut spans);
            let mut writer = SpanPartWriter::new()?;
            for span in &spans {
                writer.push(span)?;
            }
            // Of another level, so that it has a path of its own.
            let level = meta.spec.level.saturating_add(1);
            let spec = PartSpec {
                level,
                ..meta.spec.clone()
            };
            kept.push(writer.publish(storage.parts(), spec)?);
        }
        self.done.extend(kept.iter().map(|part| part.path.clone()));
        storage.replace(kept, std::slice::from_ref(&meta.path), "low_priority")?;
        telemetry::LOW_PRIORITY_SPANS.inc_by(gone);
        Ok(gone)
    }
}

/// The traces that say that they are of low priority and had no failure.
fn low_priority(spans: &[Span]) -> HashSet<TraceId> {
    let of = |is: fn(&Span) -> bool| spans.iter().filter(move |span| is(span)).map(|span| span.trace_id);
    let mut low: HashSet<TraceId> = of(says_low).collect();
    for failed in of(|span| span.status == StatusCode::Error) {
        low.remove(&failed);
    }
    low
}

fn says_low(span: &Span) -> bool {
    let of = |attributes| matches!(attribute(attributes, PRIORITY), Some(AttributeValue::String(said)) if said == LOW);
    of(&span.attributes) || of(&span.resource.attributes)
}
