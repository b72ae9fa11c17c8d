//! Adjusts traces for display: identical spans once, events in time order, orphans told.
//!
//! Clock skew is left as it is, which is Jaeger's default (`max_adjust` 0).

use std::collections::HashSet;

use skopos_core::span::{Span, SpanId};

use super::ui::UiTrace;

/// Removes identical spans, which a repeated export makes, and sorts events by time.
pub(super) fn spans(spans: &mut Vec<Span>) {
    let mut kept: Vec<Span> = Vec::with_capacity(spans.len());
    let mut seen: HashSet<(SpanId, i64)> = HashSet::with_capacity(spans.len());
    for span in spans.drain(..) {
        let is_new = seen.insert((span.span_id, span.start_ns));
        if is_new || !kept.contains(&span) {
            kept.push(span);
        }
    }
    for span in &mut kept {
        span.events.sort_by_key(|event| event.timestamp_ns);
    }
    *spans = kept;
}

/// Tells of spans whose parent is not in the trace.
pub(super) fn warn_of_orphans(spans: &[Span], trace: &mut UiTrace) {
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    for (span, shown) in spans.iter().zip(&mut trace.spans) {
        if let Some(parent) = span.parent_span_id.filter(|parent| !ids.contains(parent)) {
            let text = format!("parent span ID={parent} is not in the trace; skipping clock skew adjustment");
            shown.warnings.get_or_insert_default().push(text);
        }
    }
}
