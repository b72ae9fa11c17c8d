//! From `tracing` to events and breadcrumbs, each with its trace, its request and who asked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use sentry::protocol::{
    Breadcrumb, Context as EventContext, Event, Exception, Level, Map, Mechanism, TraceContext, User,
};
use sentry::{Hub, integrations::backtrace::current_stacktrace};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::context::RequestContext;

/// Breadcrumbs that are kept for the errors to come, over all traces.
const MAX_BREADCRUMBS: usize = 512;
/// Span of a request, as the layer of the router makes it.
const REQUEST_SPAN: &str = "http.server.request";
/// Where panics are logged from.
const PANIC_TARGET: &str = "skopos_sdk::panic_hook";
const STATUS: &str = "http.response.status_code";

/// Makes events of errors and breadcrumbs of what was logged before them.
pub(crate) struct ErrorsLayer {
    hub: Arc<Hub>,
    breadcrumbs: Mutex<VecDeque<(SpanContext, Breadcrumb)>>,
}

impl fmt::Debug for ErrorsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorsLayer").finish_non_exhaustive()
    }
}

/// What is known of the request whose span this is.
#[derive(Default)]
struct Request {
    fields: Fields,
    is_reported: bool,
}

impl ErrorsLayer {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        let breadcrumbs = Mutex::default();
        Self { hub, breadcrumbs }
    }

    fn keep(&self, span: SpanContext, breadcrumb: Breadcrumb) {
        let mut breadcrumbs = self.breadcrumbs.lock().unwrap_or_else(PoisonError::into_inner);
        if breadcrumbs.len() >= MAX_BREADCRUMBS {
            breadcrumbs.pop_front();
        }
        breadcrumbs.push_back((span, breadcrumb));
    }

    /// Adds what every event bears, and sends it.
    fn capture(&self, mut event: Event<'static>, span: &SpanContext, request: Option<&Fields>) {
        {
            let breadcrumbs = self.breadcrumbs.lock().unwrap_or_else(PoisonError::into_inner);
            let of_trace = breadcrumbs.iter().filter(|(of, _)| of.trace_id() == span.trace_id());
            event
                .breadcrumbs
                .values
                .extend(of_trace.map(|(_, breadcrumb)| breadcrumb.clone()));
        }
        if span.is_valid() {
            let trace = TraceContext {
                trace_id: span.trace_id().to_bytes().into(),
                span_id: span.span_id().to_bytes().into(),
                ..TraceContext::default()
            };
            event
                .contexts
                .insert("trace".to_owned(), EventContext::Trace(Box::new(trace)));
        }
        if let Some(fields) = request {
            let text = |name| fields.values.get(name).map(as_text);
            event.transaction = Some(format!(
                "{} {}",
                text("http.request.method").unwrap_or_default(),
                text("http.route").unwrap_or_default()
            ));
            let fields = fields.values.clone();
            event.contexts.insert("http".to_owned(), EventContext::Other(fields));
        }
        RequestContext::with_current(|context| {
            for (name, id) in context.ids() {
                if let Some(id) = id.filter(|_| name != "user_id") {
                    event.tags.insert(name.to_owned(), id.to_owned());
                }
            }
            event.user = context.user_id.clone().map(|id| User {
                id: Some(id),
                ..User::default()
            });
        });
        self.hub.capture_event(event);
    }
}

impl<S> Layer<S> for ErrorsLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == REQUEST_SPAN
            && let Some(span) = context.span(id)
        {
            let mut request = Request::default();
            attributes.record(&mut request.fields);
            span.extensions_mut().insert(request);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(request) = extensions.get_mut::<Request>() else {
            return;
        };
        values.record(&mut request.fields);
        let status = request.fields.values.get(STATUS).and_then(Value::as_u64);
        let Some(status) = status.filter(|status| *status >= 500 && !request.is_reported) else {
            return;
        };
        request.is_reported = true;
        let fields = request.fields.clone();
        drop(extensions);
        let event = Event {
            level: Level::Error,
            message: Some(format!("request answered with {status}")),
            logger: Some(REQUEST_SPAN.to_owned()),
            ..Event::default()
        };
        self.capture(event, &active_span(), Some(&fields));
    }

    fn on_event(&self, logged: &tracing::Event<'_>, context: Context<'_, S>) {
        let metadata = logged.metadata();
        let mut fields = Fields::default();
        logged.record(&mut fields);
        if *metadata.level() > tracing::Level::ERROR {
            self.keep(active_span(), breadcrumb(metadata, fields));
            return;
        }
        let request = context.event_scope(logged).into_iter().flatten().find_map(|span| {
            let mut extensions = span.extensions_mut();
            let request = extensions.get_mut::<Request>()?;
            request.is_reported = true;
            Some(request.fields.clone())
        });
        self.capture(event(metadata, fields), &active_span(), request.as_ref());
    }
}

fn active_span() -> SpanContext {
    opentelemetry::Context::map_current(|context| context.span().span_context().clone())
}

fn breadcrumb(metadata: &Metadata<'_>, mut fields: Fields) -> Breadcrumb {
    let is_warning = *metadata.level() == tracing::Level::WARN;
    Breadcrumb {
        category: Some(metadata.target().to_owned()),
        level: if is_warning { Level::Warning } else { Level::Info },
        message: fields.values.remove("message").as_ref().map(as_text),
        data: fields.values,
        ..Breadcrumb::default()
    }
}

fn event(metadata: &Metadata<'_>, mut fields: Fields) -> Event<'static> {
    let is_panic = metadata.target() == PANIC_TARGET;
    let mut event = Event {
        level: if is_panic { Level::Fatal } else { Level::Error },
        message: fields.values.remove("message").as_ref().map(as_text),
        logger: Some(metadata.target().to_owned()),
        ..Event::default()
    };
    let value = ["exception", "error"].iter().find_map(|name| fields.values.get(*name));
    if let Some(value) = value {
        let kind = fields
            .values
            .get("error_type")
            .or_else(|| fields.values.get("error.type"));
        let mechanism = Mechanism {
            ty: if is_panic { "panic" } else { "tracing" }.to_owned(),
            handled: Some(!is_panic),
            ..Mechanism::default()
        };
        event.exception.values.push(Exception {
            ty: kind.map_or_else(|| "error".to_owned(), as_text),
            value: Some(as_text(value)),
            mechanism: Some(mechanism),
            // The hook logs on the thread that panics, above the frames that did it.
            stacktrace: is_panic.then(current_stacktrace).flatten(),
            ..Exception::default()
        });
    }
    event.extra = fields.values;
    event
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of a span or event as JSON.
#[derive(Debug, Default, Clone)]
struct Fields {
    values: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.values.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }
}
