//! Jaeger's header `uber-trace-id: {trace id}:{span id}:{parent span id}:{flags}` with baggage in `uberctx-{key}`.
//! <https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format>

use std::sync::LazyLock;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{B3Decision, hex, remote_span};

const HEADER: &str = "uber-trace-id";
const BAGGAGE_PREFIX: &str = "uberctx-";
/// Bits of the flags.
const SAMPLED: u8 = 1;
const DEBUG: u8 = 2;
/// Baggage members that are taken over; the rest of a longer list is left.
const MAX_BAGGAGE: usize = 64;

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// Reads and writes `uber-trace-id` and `uberctx-*`.
#[derive(Debug, Clone, Copy, Default)]
pub struct JaegerPropagator;

impl TextMapPropagator for JaegerPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            let is_debug = context.get::<B3Decision>() == Some(&B3Decision::Debug);
            let flags = match (span.is_sampled(), is_debug) {
                (true, true) => SAMPLED | DEBUG,
                (true, false) => SAMPLED,
                (false, _) => 0,
            };
            // The parent span id is deprecated: zero.
            injector.set(HEADER, format!("{}:{}:0:{flags:x}", span.trace_id(), span.span_id()));
        }
        for (key, (value, _)) in context.baggage() {
            let value = utf8_percent_encode(value.as_str(), NON_ALPHANUMERIC).to_string();
            injector.set(&format!("{BAGGAGE_PREFIX}{key}"), value);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let context = match extractor.get(HEADER).and_then(parse) {
            Some((trace_id, span_id, flags)) => {
                let sampled = if flags & SAMPLED != 0 {
                    TraceFlags::SAMPLED
                } else {
                    TraceFlags::NOT_SAMPLED
                };
                let span = remote_span(context, trace_id, span_id, sampled);
                let context = context.with_remote_span_context(span);
                if flags & DEBUG != 0 {
                    context.with_value(B3Decision::Debug)
                } else {
                    context
                }
            }
            None => context.clone(),
        };
        let members: Vec<KeyValue> = extractor
            .keys()
            .into_iter()
            .filter_map(|key| member(key, extractor))
            .take(MAX_BAGGAGE)
            .collect();
        if members.is_empty() {
            context
        } else {
            context.with_baggage(members)
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_ref())
    }
}

fn member(key: &str, extractor: &dyn Extractor) -> Option<KeyValue> {
    let name = key.strip_prefix(BAGGAGE_PREFIX).filter(|name| !name.is_empty())?;
    let value = percent_decode_str(extractor.get(key)?).decode_utf8().ok()?.into_owned();
    Some(KeyValue::new(name.to_owned(), value))
}

/// Ids may be shorter than their width; some clients encode the colons.
fn parse(header: &str) -> Option<(TraceId, SpanId, u8)> {
    let header = header.replace("%3A", ":").replace("%3a", ":");
    let mut parts = header.split(':');
    let trace_id = up_to(parts.next()?, 32)?;
    let span_id = up_to(parts.next()?, 16)? as u64;
    let _deprecated_parent = parts.next()?;
    let flags = up_to(parts.next()?, 2)? as u8;
    if parts.next().is_some() || trace_id == 0 || span_id == 0 {
        return None;
    }
    Some((TraceId::from(trace_id), SpanId::from(span_id), flags))
}

fn up_to(text: &str, width: usize) -> Option<u128> {
    let short: String = format!("{text:0>width$}");
    if text.is_empty() { None } else { hex(&short, &[width]) }
}
