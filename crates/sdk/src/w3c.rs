//! W3C Trace Context (Level 2) as a propagator: strict on the header grammar, and joining repeated `tracestate` lines.
//!
//! The propagator of `opentelemetry_sdk` reads a field of any width and the first of several headers; the
//! specification asks to restart the trace in these cases. <https://www.w3.org/TR/trace-context-2/>

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::sync::LazyLock;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
/// Members of one `tracestate`; more make the whole list invalid.
const MAX_MEMBERS: usize = 32;
const MAX_KEY_LEN: usize = 256;
const MAX_VALUE_LEN: usize = 256;

static FIELDS: LazyLock<[String; 2]> = LazyLock::new(|| [TRACEPARENT.to_owned(), TRACESTATE.to_owned()]);

/// Reads and writes `traceparent` and `tracestate`.
#[derive(Debug, Clone, Copy, Default)]
pub struct W3cPropagator;

impl TextMapPropagator for W3cPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span_context = span.span_context();
        if !span_context.is_valid() {
            return;
        }
        let flags = span_context.trace_flags() & TraceFlags::SAMPLED;
        injector.set(
            TRACEPARENT,
            format!("00-{}-{}-{flags:02x}", span_context.trace_id(), span_context.span_id()),
        );
        let state = span_context.trace_state().header();
        if !state.is_empty() {
            injector.set(TRACESTATE, state);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        match extract(extractor) {
            Some(span_context) => context.with_remote_span_context(span_context),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_ref())
    }
}

fn extract(extractor: &dyn Extractor) -> Option<SpanContext> {
    let parents = extractor.get_all(TRACEPARENT)?;
    let [parent] = parents.as_slice() else { return None };
    let (trace_id, span_id, flags) = parse_traceparent(parent.trim_matches([' ', '\t']))?;
    let state = extractor
        .get_all(TRACESTATE)
        .and_then(|lines| parse_tracestate(&lines.join(",")))
        .unwrap_or_default();
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// Version 00 has exactly four fields; later versions are read by the fields of 00 and may have more.
pub(crate) fn parse_traceparent(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut fields = header.split('-');
    let version = lower_hex(fields.next()?, 2)?;
    let trace_id = lower_hex(fields.next()?, 32)?;
    let span_id = lower_hex(fields.next()?, 16)?;
    let flags = lower_hex(fields.next()?, 2)?;
    if version == 0xff || (version == 0 && fields.next().is_some()) || trace_id == 0 || span_id == 0 {
        return None;
    }
    let sampled = TraceFlags::new(flags as u8) & TraceFlags::SAMPLED;
    Some((TraceId::from(trace_id), SpanId::from(span_id as u64), sampled))
}

fn lower_hex(text: &str, width: usize) -> Option<u128> {
    let ok = text.len() == width && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if ok { u128::from_str_radix(text, 16).ok() } else { None }
}

/// None when any member breaks the grammar: the list is then discarded as a whole.
pub(crate) fn parse_tracestate(header: &str) -> Option<TraceState> {
    let members = tracestate_members(header)?;
    // The crate checks keys by the older grammar (one '@', 14 characters after it). Pairs it refuses are dropped
    // with the list: nothing in it can hold them.
    TraceState::from_key_value(members).ok()
}

pub(crate) fn tracestate_members(header: &str) -> Option<Vec<(&str, &str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in header.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !valid_key(key) || !valid_value(value) {
            return None;
        }
        // Of a repeated key the first, which is the most recent, is kept.
        if members.iter().all(|(seen, _)| *seen != key) {
            members.push((key, value));
        }
    }
    (members.len() <= MAX_MEMBERS).then_some(members)
}

fn valid_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    let Some(first) = bytes.next() else { return false };
    let start = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    key.len() <= MAX_KEY_LEN && start(first) && bytes.all(|b| start(b) || b"_-*/@".contains(&b))
}

fn valid_value(value: &str) -> bool {
    let printable = value
        .bytes()
        .all(|b| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=');
    !value.is_empty() && value.len() <= MAX_VALUE_LEN && printable && !value.ends_with(' ')
}
