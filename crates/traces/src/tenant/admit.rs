//! Which spans a store takes.

use skopos_core::metric::AppendReport;
use skopos_core::span::{AttributeValue, Attributes, Span};

use crate::options::TraceStoreOptions;
use crate::record::MAX_DEPTH;

const MS_PER_DAY: i64 = 86_400_000;

/// The spans that are taken; the others are in the report.
pub(super) fn admit(
    mut spans: Vec<Span>,
    options: &TraceStoreOptions,
    now_ms: i64,
    report: &mut AppendReport,
) -> Vec<Span> {
    let retention_ms = i64::try_from(options.retention.as_millis()).unwrap_or(i64::MAX);
    let oldest_ms = if retention_ms > 0 {
        now_ms.saturating_sub(retention_ms)
    } else {
        0
    };
    let newest_ms = now_ms.saturating_add(MS_PER_DAY);
    spans.retain(|span| {
        let start_ms = span.start_ns.div_euclid(1_000_000);
        let reason = if span.trace_id.is_zero() || span.span_id.is_zero() {
            "invalid_id"
        } else if start_ms < oldest_ms {
            "too_old"
        } else if start_ms > newest_ms {
            "too_far_in_future"
        } else if too_deep(span) {
            "nested_too_deep"
        } else if size_bytes(span) > options.max_span_bytes {
            "span_too_large"
        } else {
            return true;
        };
        report.refuse(reason, || {
            format!(
                "span {} of trace {} ({:?})",
                span.span_id,
                span.trace_id,
                span.name.chars().take(64).collect::<String>()
            )
        });
        false
    });
    spans
}

fn all_attributes(span: &Span) -> impl Iterator<Item = &Attributes> {
    let events = span.events.iter().map(|event| &event.attributes);
    let links = span.links.iter().map(|link| &link.attributes);
    [&span.attributes, &span.resource.attributes, &span.scope.attributes]
        .into_iter()
        .chain(events)
        .chain(links)
}

fn too_deep(span: &Span) -> bool {
    let mut values = all_attributes(span).flatten();
    values.any(|(_, value)| depth_exceeds(value, MAX_DEPTH))
}

fn depth_exceeds(value: &AttributeValue, left: usize) -> bool {
    match value {
        AttributeValue::Array(items) => left == 0 || items.iter().any(|item| depth_exceeds(item, left - 1)),
        AttributeValue::Map(pairs) => left == 0 || pairs.iter().any(|(_, value)| depth_exceeds(value, left - 1)),
        _ => false,
    }
}

/// Bytes of a span's texts and values.
fn size_bytes(span: &Span) -> usize {
    let attributes: usize = all_attributes(span).map(attributes_bytes).sum();
    let events: usize = span.events.iter().map(|event| event.name.len() + 8).sum();
    let links: usize = span.links.iter().map(|link| link.trace_state.len() + 24).sum();
    64 + span.name.len() + span.trace_state.len() + span.status_message.len() + attributes + events + links
}

fn attributes_bytes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::String(text) => text.len(),
        AttributeValue::Bytes(bytes) => bytes.len(),
        AttributeValue::Array(items) => items.iter().map(value_bytes).sum(),
        AttributeValue::Map(pairs) => attributes_bytes(pairs),
        AttributeValue::Bool(_) | AttributeValue::Int(_) | AttributeValue::Double(_) => 8,
    }
}
