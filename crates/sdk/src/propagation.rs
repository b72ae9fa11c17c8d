//! Trace context in and out of carriers: HTTP headers, event maps, Kafka header lists, SQL comments. Uses the global
//! propagator, which the set-up makes of `OTEL_PROPAGATORS`.
//!
//! ```
//! use std::collections::HashMap;
//! opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
//! let mut event: HashMap<String, String> = HashMap::new();
//! event.insert("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
//! let context = skopos_sdk::extract_trace_context(&event);
//!
//! let mut onward = HashMap::new();
//! skopos_sdk::inject_trace_context(&context, &mut onward);
//! assert_eq!(onward["traceparent"], event["traceparent"]);
//! ```

use std::collections::HashMap;

use http::header::GetAll;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, global};
use opentelemetry_sdk::propagation::BaggagePropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::settings::Variables;
use crate::{SetupError, W3cPropagator};

mod b3;
mod jaeger;
mod sql;

pub use b3::{B3Decision, B3Propagator};
pub use jaeger::JaegerPropagator;
pub use sql::with_sql_comment;

/// A format of `OTEL_PROPAGATORS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// `tracecontext`: W3C `traceparent` and `tracestate`.
    TraceContext,
    /// `baggage`: W3C `baggage`.
    Baggage,
    /// `b3`: the single header.
    B3,
    /// `b3multi`: the headers `X-B3-*`.
    B3Multi,
    /// `jaeger`: `uber-trace-id` and `uberctx-*`.
    Jaeger,
}

impl Propagator {
    /// `OTEL_PROPAGATORS`, each once; by default W3C trace context and baggage.
    pub(crate) fn read(variables: &Variables<'_>) -> Result<Vec<Self>, SetupError> {
        let choices = [
            ("tracecontext", Some(Self::TraceContext)),
            ("baggage", Some(Self::Baggage)),
            ("b3", Some(Self::B3)),
            ("b3multi", Some(Self::B3Multi)),
            ("jaeger", Some(Self::Jaeger)),
            ("none", None),
        ];
        let expected = "none, or some of tracecontext, baggage, b3, b3multi and jaeger joined by commas";
        match variables.choices("OTEL_PROPAGATORS", &choices, expected)? {
            None => Ok(vec![Self::TraceContext, Self::Baggage]),
            Some(named) if named.contains(&None) => Ok(Vec::new()),
            Some(named) => Ok(named.into_iter().flatten().collect()),
        }
    }

    fn build(self) -> Box<dyn TextMapPropagator + Send + Sync> {
        match self {
            Self::TraceContext => Box::new(W3cPropagator),
            Self::Baggage => Box::new(BaggagePropagator::new()),
            Self::B3 => Box::new(B3Propagator::single()),
            Self::B3Multi => Box::new(B3Propagator::multi()),
            Self::Jaeger => Box::new(JaegerPropagator),
        }
    }
}

/// One propagator that reads and writes all the given formats; where several are found, the later one is followed. W3C's
/// `tracestate` stays where the later one names the same span, for the other formats have no place for it.
#[must_use]
pub fn composite(propagators: &[Propagator]) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(propagators.iter().map(|propagator| propagator.build()).collect())
}

/// The span of a caller in a format without `tracestate`, above what a propagator before this one has read.
fn remote_span(before: &Context, trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> SpanContext {
    let known = before.span();
    let known = known.span_context();
    let is_same = known.is_remote() && known.trace_id() == trace_id && known.span_id() == span_id;
    let state = if is_same {
        known.trace_state().clone()
    } else {
        TraceState::NONE
    };
    SpanContext::new(trace_id, span_id, flags, true, state)
}

/// The value of lower-case hexadecimal text that has one of the widths.
fn hex(text: &str, widths: &[usize]) -> Option<u128> {
    let ok = widths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if ok { u128::from_str_radix(text, 16).ok() } else { None }
}

/// The context of the current `tracing` span, or the active OpenTelemetry context outside of one. That of an unsampled
/// request is only there, for its span is none of OpenTelemetry's.
#[must_use]
pub fn current_context() -> Context {
    let of_span = tracing::Span::current().context();
    if of_span.span().span_context().is_valid() {
        of_span
    } else {
        Context::current()
    }
}

/// Writes the context into any carrier, such as the headers of a Kafka record.
pub fn inject_into(context: &Context, carrier: &mut dyn Injector) {
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, carrier));
}

/// Reads the context that any carrier holds; an empty context where there is none.
#[must_use]
pub fn extract_from(carrier: &dyn Extractor) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), carrier))
}

/// Writes the current context into the headers of a request that is sent by other means than [`crate::client::send`].
///
/// ```
/// use tracing::Instrument;
/// # let observability = skopos_sdk::setup_observability("billing", "1.2.0")?;
/// let mut headers = http::HeaderMap::new();
/// tracing::info_span!("charge").in_scope(|| skopos_sdk::add_trace_context_to_headers(&mut headers));
/// assert!(headers.contains_key("traceparent"));
/// # Ok::<(), skopos_sdk::SetupError>(())
/// ```
pub fn add_trace_context_to_headers(headers: &mut HeaderMap) {
    inject_http(&current_context(), headers);
}

/// Writes the context into an event's `trace_context` map.
#[expect(clippy::implicit_hasher, reason = "event maps are plain HashMaps")]
pub fn inject_trace_context(context: &Context, event: &mut HashMap<String, String>) {
    inject_into(context, event);
}

/// Reads the context that an event's `trace_context` map carries; an empty context where there is none.
#[must_use]
#[expect(clippy::implicit_hasher, reason = "event maps are plain HashMaps")]
pub fn extract_trace_context(event: &HashMap<String, String>) -> Context {
    extract_from(event)
}

/// Writes the context into HTTP headers.
pub fn inject_http(context: &Context, headers: &mut HeaderMap) {
    inject_into(context, &mut HeaderInjector(headers));
}

/// Reads the context that HTTP headers carry; an empty context where there is none.
#[must_use]
pub fn extract_http(headers: &HeaderMap) -> Context {
    extract_from(&HeaderExtractor(headers))
}

/// What is looked for in each request where no other propagators are set; to parse a name costs more than to look.
static USUAL_NAMES: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

/// HTTP headers to read from.
#[derive(Debug)]
pub struct HeaderExtractor<'a>(pub &'a HeaderMap);

impl<'a> HeaderExtractor<'a> {
    fn values(&self, key: &str) -> GetAll<'a, HeaderValue> {
        match USUAL_NAMES.iter().find(|name| name.as_str() == key) {
            Some(name) => self.0.get_all(name),
            None => self.0.get_all(key),
        }
    }
}

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let first = self.values(key).iter().next();
        first.and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<&str> = self
            .values(key)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        (!values.is_empty()).then_some(values)
    }
}

/// HTTP headers to write into; an entry that no header can hold is left out.
#[derive(Debug)]
pub struct HeaderInjector<'a>(pub &'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}
