//! Inner spans of an unsampled request are not made at all.
//!
//! A span that no exporter will see still costs its place in the registry, several times what the decision costs. This
//! layer answers "not enabled" for a span whose active context is unsampled, and `tracing` then does nothing more. It is
//! a layer and no filter of the others: the registry makes a span even when the filters of all layers refuse it.
//!
//! Spans with the field `otel.kind` are always made: they cross a process, and what they send on needs their identity.
//! So are root spans, as no context is active yet. An event within is logged as ever, with the ids of the enclosing
//! span; its member `function` is missing where the span that named it was not made.
//!
//! A span with an [`Unsampled`] context makes that the active one while it is entered, on whatever task, as the layer of
//! traces does for its own.

use std::cell::{Cell, RefCell};

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context as OtelContext, ContextGuard};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::RootSampler;
use super::ahead::Ahead;

/// Target of the spans that bear an [`Unsampled`] context; no layer of OpenTelemetry sees them.
pub(crate) const UNSAMPLED_TARGET: &str = "skopos_sdk::unsampled";

thread_local! {
    /// The context of the span that is being made.
    static BEARING: Cell<Option<OtelContext>> = const { Cell::new(None) };
    /// The unsampled spans that this thread is in, with what ends their being active.
    static ENTERED: RefCell<Vec<(Id, ContextGuard)>> = const { RefCell::new(Vec::new()) };
}

/// The context of a span that no exporter will see, as an extension of its place in the registry.
#[derive(Debug)]
struct Unsampled(OtelContext);

/// The span that is made here, bearing the context; none where it was refused, as by a level.
pub(super) fn bearing(context: OtelContext, make: impl FnOnce() -> Span) -> Option<Span> {
    BEARING.set(Some(context));
    let span = make();
    BEARING.take().is_none().then_some(span)
}

/// Keeps events from the layer of traces while the request is unsampled: no span will tell of them, and to make them into
/// events of one costs more than the log line. Not for errors-always, which needs them later.
#[derive(Debug)]
pub(crate) struct SampledEvents;

impl<S> Filter<S> for SampledEvents {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        if metadata.is_span() {
            !is_bare(metadata)
        } else {
            !is_unsampled()
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.is_span() {
            false => Interest::sometimes(),
            true if is_bare(metadata) => Interest::never(),
            true => Interest::always(),
        }
    }
}

/// Leaves out inner spans of unsampled requests. Not for samplers that do not follow the parent, nor for errors-always.
#[derive(Debug)]
pub(crate) struct SkipUnsampled {
    pub(super) ahead: Ahead,
}

impl SkipUnsampled {
    pub(crate) fn new(sampler: RootSampler) -> Self {
        Self {
            ahead: Ahead::new(sampler),
        }
    }
}

fn may_skip(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field("otel.kind").is_none()
}

/// Whether spans of this callsite bear an [`Unsampled`] context.
pub(crate) fn is_bare(metadata: &Metadata<'_>) -> bool {
    metadata.target() == UNSAMPLED_TARGET
}

fn is_unsampled() -> bool {
    OtelContext::map_current(|context| {
        context.has_active_span() && {
            let span = context.span();
            span.span_context().is_valid() && !span.span_context().is_sampled()
        }
    })
}

impl<S> Layer<S> for SkipUnsampled
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
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

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_bare(attributes.metadata())
            && let Some(span) = context.span(id)
            && let Some(borne) = BEARING.take()
        {
            span.extensions_mut().insert(Unsampled(borne));
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| is_bare(span.metadata())) else {
            return;
        };
        let active = span
            .extensions()
            .get::<Unsampled>()
            .map(|unsampled| unsampled.0.clone());
        if let Some(active) = active {
            let guard = active.attach();
            ENTERED.with_borrow_mut(|entered| entered.push((id.clone(), guard)));
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let left = ENTERED.with_borrow_mut(|entered| {
            let place = entered.iter().rposition(|(of, _)| of == id)?;
            Some(entered.remove(place))
        });
        // Outside of the borrow: the end of a context may drop what logs in turn.
        drop(left);
    }
}
