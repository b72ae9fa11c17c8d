//! Errors always: spans of a failed request are exported although its root was not sampled.
//!
//! An unsampled span is recorded all the same ([`RecordUnsampled`]) and kept by [`KeepErrors`] until the local root,
//! the first span of its trace in this process, ends. If any span of the tree ended with status error by then, the tree
//! is exported with the sampled flag; else it is forgotten.
//!
//! What it is not: callers and called services have seen an unsampled context, so their spans come along only where
//! they too saw an error. A span that ends after its local root is judged by itself. What it costs: an unsampled span
//! costs as much as a sampled one but for its export, hence off unless `ERRORS_ALWAYS` asks for it. What bounds it: a
//! number of open traces and of spans in each; what does not fit is counted as dropped with reason `error_buffer_full`
//! when the request fails.

use std::collections::HashMap;
use std::sync::Mutex;

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample, Span, SpanData, SpanProcessor};
use prometheus::IntCounter;

use super::RootSampler;
use crate::export::pass_on;

/// Unsampled requests that may be open at a time with their spans kept.
const MAX_TRACES: usize = 4096;
/// Spans that are kept of one of them.
const MAX_SPANS: usize = 64;

/// Turns the decision to drop into one to record without the sampled flag.
#[derive(Debug, Clone)]
pub(crate) struct RecordUnsampled(pub(crate) RootSampler);

impl ShouldSample for RecordUnsampled {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.0.should_sample(parent, trace_id, name, kind, attributes, links);
        if result.decision == SamplingDecision::Drop {
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// Spans of one unsampled request so far.
#[derive(Debug)]
struct Open {
    root: SpanId,
    spans: Vec<SpanData>,
    failed: bool,
    left_out: u64,
}

/// Keeps the unsampled spans of open requests in front of another processor.
#[derive(Debug)]
pub(crate) struct KeepErrors<P> {
    inner: P,
    open: Mutex<HashMap<TraceId, Open>>,
    left_out: IntCounter,
}

impl<P: SpanProcessor> KeepErrors<P> {
    pub(crate) fn new(inner: P, left_out: IntCounter) -> Self {
        Self {
            inner,
            open: Mutex::default(),
            left_out,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TraceId, Open>> {
        // The map is whole between any two statements that could panic.
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The spans to export now that this one has ended.
    fn ended(&self, span: SpanData) -> Vec<SpanData> {
        let failed = matches!(span.status, Status::Error { .. });
        let trace_id = span.span_context.trace_id();
        let mut open = self.lock();
        let Some(request) = open.get_mut(&trace_id) else {
            // After its root, or of a request that found no room.
            return if failed { vec![span] } else { Vec::new() };
        };
        request.failed |= failed;
        let is_root = span.span_context.span_id() == request.root;
        if request.spans.len() < MAX_SPANS || is_root {
            request.spans.push(span);
        } else {
            request.left_out += 1;
        }
        if !is_root {
            return Vec::new();
        }
        let Some(request) = open.remove(&trace_id) else {
            return Vec::new();
        };
        if !request.failed {
            return Vec::new();
        }
        self.left_out.inc_by(request.left_out);
        request.spans
    }
}

impl<P: SpanProcessor> SpanProcessor for KeepErrors<P> {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let span_context = opentelemetry::trace::Span::span_context(span).clone();
        if !span_context.is_sampled() {
            let mut open = self.lock();
            if open.len() < MAX_TRACES {
                open.entry(span_context.trace_id()).or_insert_with(|| Open {
                    root: span_context.span_id(),
                    spans: Vec::new(),
                    failed: false,
                    left_out: 0,
                });
            }
        }
        self.inner.on_start(span, parent);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            return self.inner.on_end(span);
        }
        for mut kept in self.ended(span) {
            kept.span_context = sampled(&kept.span_context);
            self.inner.on_end(kept);
        }
    }

    pass_on!(inner, force_flush);
}

fn sampled(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | TraceFlags::SAMPLED,
        context.is_remote(),
        context.trace_state().clone(),
    )
}
