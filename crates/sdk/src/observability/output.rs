//! An output of events behind its filter.

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};

/// A layer that is handed the events that its filter lets pass, and each span when it is made and when fields are
/// recorded. `Filtered` of `tracing-subscriber` looks a span up at every step of its life to see whether its layer knows
/// it; an output of events has nothing to do when a span is entered, left or closed.
#[derive(Debug)]
pub(super) struct Output<F, L> {
    pub(super) filter: F,
    pub(super) layer: L,
}

impl<S, F, L> Layer<S> for Output<F, L>
where
    S: Subscriber,
    F: Filter<S> + 'static,
    L: Layer<S>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The filter may have to know of it; what it answers is no matter of the other layers.
        self.filter.callsite_enabled(metadata);
        Interest::always()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.filter.on_new_span(attributes, id, context.clone());
        self.layer.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.filter.on_record(id, values, context.clone());
        self.layer.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.filter.enabled(event.metadata(), &context) {
            self.layer.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.filter.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.filter.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.filter.on_close(id, context);
    }
}
