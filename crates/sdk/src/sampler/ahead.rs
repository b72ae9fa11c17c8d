//! Decides a request before a span is made of it, so that an unsampled one costs no more than its identity.
//!
//! A span by `tracing` is built with all its attributes before the sampler is asked. Where the parent is known beforehand,
//! as for a request, the order can be turned: the sampler is asked first, of a sampled request a whole span is made with
//! the trace id that was judged, and of an unsampled one a span of `tracing` without any of OpenTelemetry, which bears the
//! [`Unsampled`] context.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, ShouldSample};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::{RootSampler, SkipUnsampled};

/// Target of the spans that bear an [`Unsampled`] context; no layer of OpenTelemetry sees them.
pub(crate) const UNSAMPLED_TARGET: &str = "skopos_sdk::unsampled";

thread_local! {
    /// The trace whose root is being started after it was judged to be sampled.
    static JUDGED: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Whether this trace was judged to be sampled, and its root is being started.
pub(super) fn is_judged(trace_id: TraceId) -> bool {
    JUDGED.get() == Some(trace_id)
}

/// Random ids, but for the trace that was judged before its root is started.
#[derive(Debug, Default)]
pub(crate) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        JUDGED.get().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

/// The context of a span that no exporter will see, as an extension of its place in the registry.
#[derive(Debug)]
pub(super) struct Unsampled(pub(super) Context);

/// Judges requests by the sampler of the service. Only for samplers by which all spans of an unsampled request are
/// unsampled.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    sampler: RootSampler,
    ids: RandomIdGenerator,
}

impl Ahead {
    pub(crate) fn new(sampler: RootSampler) -> Self {
        Self {
            sampler,
            ids: RandomIdGenerator::default(),
        }
    }

    /// The span of a request of this parent: `unsampled` has the target [`UNSAMPLED_TARGET`] and a field `otel.kind`,
    /// `sampled` is what is told of the request.
    pub(crate) fn span(
        &self,
        parent: Context,
        unsampled: impl FnOnce() -> Span,
        sampled: impl FnOnce() -> Span,
    ) -> Span {
        let remote = parent.span().span_context().trace_id();
        let trace_id = if remote == TraceId::INVALID {
            self.ids.new_trace_id()
        } else {
            remote
        };
        let kind = SpanKind::Server;
        let result = self.sampler.should_sample(Some(&parent), trace_id, "", &kind, &[], &[]);
        if result.decision == SamplingDecision::Drop {
            let (span_id, flags) = (self.ids.new_span_id(), TraceFlags::default());
            let own = SpanContext::new(trace_id, span_id, flags, false, result.trace_state);
            let span = unsampled();
            if bear(&span, &parent, own) {
                return span;
            }
        }
        let span = sampled();
        // Fails only where no OpenTelemetry layer listens, and then there is no trace to continue.
        drop(span.set_parent(parent));
        JUDGED.set((result.decision != SamplingDecision::Drop).then_some(trace_id));
        // Starts it, now that it is known by which id.
        drop(span.context());
        JUDGED.set(None);
        span
    }
}

/// Gives the span its context; false where its subscriber is not the set-up's own, which would not know what to do with it.
fn bear(span: &Span, parent: &Context, own: SpanContext) -> bool {
    let gave = span.with_subscriber(|(id, dispatch)| {
        dispatch.downcast_ref::<SkipUnsampled>()?;
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let context = parent.with_remote_span_context(own);
        span.extensions_mut().insert(Unsampled(context));
        Some(())
    });
    gave.flatten().is_some()
}
