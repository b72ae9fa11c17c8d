//! Trace context in Kafka message headers, by the global propagator.

use std::collections::HashMap;

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use rdkafka::message::{BorrowedHeaders, Header, Headers, OwnedHeaders};

/// Headers to write into.
pub(crate) struct HeaderInjector(pub OwnedHeaders);

impl Injector for HeaderInjector {
    fn set(&mut self, key: &str, value: String) {
        let headers = std::mem::replace(&mut self.0, OwnedHeaders::new_with_capacity(0));
        self.0 = headers.insert(Header {
            key,
            value: Some(&value),
        });
    }
}

/// Headers to read from.
struct HeaderExtractor<'a>(&'a BorrowedHeaders);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).and_then(|values| values.into_iter().next_back())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|header| header.key).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let matching = self.0.iter().filter(|header| header.key.eq_ignore_ascii_case(key));
        let values: Vec<&str> = matching
            .filter_map(|header| std::str::from_utf8(header.value?).ok())
            .collect();
        (!values.is_empty()).then_some(values)
    }
}

/// The context of a message: its headers first, the event's own map where they carry none.
pub(crate) fn extract(headers: Option<&BorrowedHeaders>, trace_context: &HashMap<String, String>) -> Context {
    global::get_text_map_propagator(|propagator| {
        if let Some(headers) = headers {
            let context = propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers));
            if context.span().span_context().is_valid() {
                return context;
            }
        }
        propagator.extract_with_context(&Context::new(), trace_context)
    })
}

/// Value of a header as text; the last one where there are several.
pub(crate) fn text(headers: Option<&BorrowedHeaders>, key: &str) -> Option<String> {
    HeaderExtractor(headers?).get(key).map(str::to_owned)
}

/// All headers that are text, by name; the last one where a name occurs twice.
pub(crate) fn all(headers: Option<&BorrowedHeaders>) -> HashMap<String, String> {
    let read = |header: Header<'_, &[u8]>| {
        let value = std::str::from_utf8(header.value?).ok()?;
        Some((header.key.to_owned(), value.to_owned()))
    };
    headers
        .map(|headers| headers.iter().filter_map(read).collect())
        .unwrap_or_default()
}

/// The context as the propagator writes it into a map.
pub(crate) fn to_map(context: &Context) -> HashMap<String, String> {
    let mut map = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut map));
    map
}

/// Writes the context into headers and into the event's map.
pub(crate) fn inject(context: &Context, headers: &mut HeaderInjector, trace_context: &mut HashMap<String, String>) {
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, headers);
        propagator.inject_context(context, trace_context);
    });
}
