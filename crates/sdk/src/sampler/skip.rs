//! Inner spans of an unsampled request are not made at all.
//!
//! A span that no exporter will see still costs its place in the registry, several times what the decision costs. This
//! layer answers "not enabled" for a span whose active context is unsampled, and `tracing` then does nothing more. It is
//! a layer and no filter of the others: the registry makes a span even when the filters of all layers refuse it.
//!
//! Spans with the field `otel.kind` are always made: they cross a process, and what they send on needs their identity.
//! So are root spans, as no context is active yet. An event within is logged as ever, with the ids of the enclosing
//! span; its member `function` is missing where the span that named it was not made.

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::TraceContextExt;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};

/// Keeps events from the layer of traces while the request is unsampled: no span will tell of them, and to make them into
/// events of one costs more than the log line. Not for errors-always, which needs them later.
#[derive(Debug)]
pub(crate) struct SampledEvents;

impl<S> Filter<S> for SampledEvents {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        metadata.is_span() || !is_unsampled()
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            Interest::always()
        } else {
            Interest::sometimes()
        }
    }
}

/// Leaves out inner spans of unsampled requests. Not for samplers that do not follow the parent, nor for errors-always.
#[derive(Debug)]
pub(crate) struct SkipUnsampled;

fn may_skip(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field("otel.kind").is_none()
}

fn is_unsampled() -> bool {
    OtelContext::map_current(|context| {
        context.has_active_span() && {
            let span = context.span();
            span.span_context().is_valid() && !span.span_context().is_sampled()
        }
    })
}

impl<S: Subscriber> Layer<S> for SkipUnsampled {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if may_skip(metadata) {
            Interest::sometimes()
        } else {
            Interest::always()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        // The active context is the cheaper question, and mostly the answer.
        !metadata.is_span() || !is_unsampled() || !may_skip(metadata)
    }
}
