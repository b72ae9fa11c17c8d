//! B3 as one header (`b3`) or several (`X-B3-*`). <https://github.com/openzipkin/b3-propagation>
//!
//! Reading takes either form, the single header first; writing uses the form that was chosen. `X-B3-ParentSpanId` is
//! read over and never written, as the OpenTelemetry specification asks. A decision that is more than yes or no
//! travels in the context as [`B3Decision`].

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};

use super::{hex, remote_span};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

static SINGLE_FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [SINGLE.to_owned()]);
static MULTI_FIELDS: LazyLock<[String; 4]> = LazyLock::new(|| [TRACE_ID, SPAN_ID, SAMPLED, FLAGS].map(str::to_owned));

/// What B3 knows beside sampled and not sampled; a value of the OpenTelemetry context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum B3Decision {
    /// Sampled, and to be kept by everyone.
    Debug,
    /// Left to whoever is called.
    Deferred,
}

/// Reads both forms of B3 and writes one.
#[derive(Debug, Clone, Copy)]
pub struct B3Propagator {
    single: bool,
}

impl B3Propagator {
    /// Writes the header `b3`.
    #[must_use]
    pub fn single() -> Self {
        Self { single: true }
    }

    /// Writes the headers `X-B3-TraceId`, `X-B3-SpanId`, `X-B3-Sampled` and `X-B3-Flags`.
    #[must_use]
    pub fn multi() -> Self {
        Self { single: false }
    }
}

/// Yes, no, or one of the two others.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Sampled,
    NotSampled,
    Other(B3Decision),
}

impl State {
    fn of(context: &Context, span: &SpanContext) -> Self {
        match context.get::<B3Decision>() {
            Some(B3Decision::Debug) if span.is_sampled() => Self::Other(B3Decision::Debug),
            // Once this process has decided, the decision goes on.
            Some(B3Decision::Deferred) if span.is_remote() => Self::Other(B3Decision::Deferred),
            _ if span.is_sampled() => Self::Sampled,
            _ => Self::NotSampled,
        }
    }
}

impl TextMapPropagator for B3Propagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let state = State::of(context, span);
        if self.single {
            let mut header = format!("{}-{}", span.trace_id(), span.span_id());
            header.push_str(match state {
                State::Sampled => "-1",
                State::NotSampled => "-0",
                State::Other(B3Decision::Debug) => "-d",
                State::Other(B3Decision::Deferred) => "",
            });
            return injector.set(SINGLE, header);
        }
        injector.set(TRACE_ID, span.trace_id().to_string());
        injector.set(SPAN_ID, span.span_id().to_string());
        match state {
            State::Sampled => injector.set(SAMPLED, "1".to_owned()),
            State::NotSampled => injector.set(SAMPLED, "0".to_owned()),
            State::Other(B3Decision::Debug) => injector.set(FLAGS, "1".to_owned()),
            State::Other(B3Decision::Deferred) => {}
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let found = extractor
            .get(SINGLE)
            .and_then(from_single)
            .or_else(|| from_multi(extractor));
        let Some((trace_id, span_id, state)) = found else {
            return context.clone();
        };
        let flags = match state {
            State::Sampled | State::Other(B3Decision::Debug) => TraceFlags::SAMPLED,
            State::NotSampled | State::Other(B3Decision::Deferred) => TraceFlags::NOT_SAMPLED,
        };
        let context = context.with_remote_span_context(remote_span(context, trace_id, span_id, flags));
        match state {
            State::Other(decision) => context.with_value(decision),
            _ => context,
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        if self.single {
            FieldIter::new(SINGLE_FIELDS.as_ref())
        } else {
            FieldIter::new(MULTI_FIELDS.as_ref())
        }
    }
}

/// `{trace id}-{span id}[-{state}[-{parent span id}]]`.
fn from_single(header: &str) -> Option<(TraceId, SpanId, State)> {
    let mut parts = header.split('-');
    let (trace_id, span_id) = ids(parts.next()?, parts.next()?)?;
    let state = match parts.next() {
        None => State::Other(B3Decision::Deferred),
        Some("1") => State::Sampled,
        Some("0") => State::NotSampled,
        Some("d") => State::Other(B3Decision::Debug),
        Some(_) => return None,
    };
    if let Some(parent) = parts.next() {
        hex(parent, &[16])?;
    }
    parts.next().is_none().then_some((trace_id, span_id, state))
}

fn from_multi(extractor: &dyn Extractor) -> Option<(TraceId, SpanId, State)> {
    let (trace_id, span_id) = ids(extractor.get(TRACE_ID)?, extractor.get(SPAN_ID)?)?;
    if extractor.get(FLAGS) == Some("1") {
        return Some((trace_id, span_id, State::Other(B3Decision::Debug)));
    }
    let state = match extractor.get(SAMPLED) {
        None => State::Other(B3Decision::Deferred),
        Some("1" | "true") => State::Sampled,
        Some("0" | "false") => State::NotSampled,
        Some(_) => return None,
    };
    Some((trace_id, span_id, state))
}

/// Trace ids have 64 or 128 bits; none is all zero.
fn ids(trace_id: &str, span_id: &str) -> Option<(TraceId, SpanId)> {
    let trace_id = hex(trace_id, &[16, 32])?;
    let span_id = hex(span_id, &[16])? as u64;
    (trace_id != 0 && span_id != 0).then(|| (TraceId::from(trace_id), SpanId::from(span_id)))
}
