//! Trace context in and out of carriers: HTTP headers, event maps, Kafka header lists. Uses the global propagator.
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

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::{Context, global};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The context of the current `tracing` span, or the active OpenTelemetry context outside of one.
#[must_use]
pub fn current_context() -> Context {
    let span = tracing::Span::current();
    if span.is_none() {
        Context::current()
    } else {
        span.context()
    }
}

/// Writes the context into an event's `trace_context` map.
#[expect(clippy::implicit_hasher, reason = "event maps are plain HashMaps")]
pub fn inject_trace_context(context: &Context, event: &mut HashMap<String, String>) {
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, event));
}

/// Reads the context that an event's `trace_context` map carries; an empty context where there is none.
#[must_use]
#[expect(clippy::implicit_hasher, reason = "event maps are plain HashMaps")]
pub fn extract_trace_context(event: &HashMap<String, String>) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), event))
}

/// Writes the context into HTTP headers.
pub fn inject_http(context: &Context, headers: &mut HeaderMap) {
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut HeaderInjector(headers)));
}

/// Reads the context that HTTP headers carry; an empty context where there is none.
#[must_use]
pub fn extract_http(headers: &HeaderMap) -> Context {
    global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
    })
}

/// HTTP headers to read from.
#[derive(Debug)]
pub struct HeaderExtractor<'a>(pub &'a HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<&str> = self
            .0
            .get_all(key)
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
