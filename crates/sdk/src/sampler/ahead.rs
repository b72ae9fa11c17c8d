//! Decides what a caller asks for before a span is made of it, so that an unsampled one costs no more than its identity.
//!
//! A span by `tracing` is built with all its attributes before the sampler is asked. Where the parent is known beforehand,
//! as for a request or a message, the order can be turned: the sampler is asked first, of a sampled one a whole span is
//! made with the trace id that was judged, and of an unsampled one a span of `tracing` without any of OpenTelemetry, which
//! bears the [`Unsampled`](super::skip::Unsampled) context.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, ShouldSample};
use tracing::{Span, dispatcher};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::RootSampler;
use super::skip::{self, SkipUnsampled};

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

/// Judges by the sampler of the service. Only for samplers by which all spans within an unsampled one are unsampled.
#[derive(Debug)]
pub(super) struct Ahead {
    sampler: RootSampler,
    ids: RandomIdGenerator,
}

/// What is to be made of a request.
enum Verdict {
    /// A whole span in this trace.
    Sampled(TraceId),
    /// What bears this context.
    Unsampled(Context),
}

impl Ahead {
    pub(super) fn new(sampler: RootSampler) -> Self {
        Self {
            sampler,
            ids: RandomIdGenerator::default(),
        }
    }

    fn judge(&self, kind: &SpanKind, parent: &Context) -> Verdict {
        let remote = parent.span().span_context().trace_id();
        let trace_id = if remote == TraceId::INVALID {
            self.ids.new_trace_id()
        } else {
            remote
        };
        let result = self.sampler.should_sample(Some(parent), trace_id, "", kind, &[], &[]);
        if result.decision != SamplingDecision::Drop {
            return Verdict::Sampled(trace_id);
        }
        let (span_id, flags) = (self.ids.new_span_id(), TraceFlags::default());
        let own = SpanContext::new(trace_id, span_id, flags, false, result.trace_state);
        Verdict::Unsampled(parent.with_remote_span_context(own))
    }
}

/// The span of what a caller of this context asks for: `unsampled` has the target [`UNSAMPLED_TARGET`](super::UNSAMPLED_TARGET)
/// and a field `otel.kind`, `sampled` is what is told of it. Where the subscriber is not the set-up's own, or makes every
/// span, it is the latter.
pub(crate) fn span_of_caller(
    kind: &SpanKind,
    caller: Context,
    unsampled: impl FnOnce() -> Span,
    sampled: impl FnOnce() -> Span,
) -> Span {
    // Within `get_default` no span can be made.
    let verdict = dispatcher::get_default(|dispatch| {
        let skip = dispatch.downcast_ref::<SkipUnsampled>()?;
        Some(skip.ahead.judge(kind, &caller))
    });
    let judged = match verdict {
        Some(Verdict::Unsampled(context)) => match skip::bearing(context, unsampled) {
            Some(span) => return span,
            None => None,
        },
        Some(Verdict::Sampled(trace_id)) => Some(trace_id),
        None => None,
    };
    let span = sampled();
    // Fails only where no OpenTelemetry layer listens, and then there is no trace to continue.
    drop(span.set_parent(caller));
    if judged.is_some() {
        JUDGED.set(judged);
        // Starts it, now that it is known by which id.
        drop(span.context());
        JUDGED.set(None);
    }
    span
}
