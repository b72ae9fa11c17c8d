//! What a search matches, and which traces it keeps: those whose newest matching span is newest.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use hashbrown::HashMap;
use skopos_core::span::{AttributeValue, Attributes, Span, StatusCode, TraceId};

/// Whether a span has all tags.
pub(crate) fn tags_match(span: &Span, tags: &[(String, String)]) -> bool {
    tags.iter().all(|(key, value)| tag_matches(span, key, value))
}

fn tag_matches(span: &Span, key: &str, value: &str) -> bool {
    own_field_matches(span, key, value)
        || has(&span.attributes, key, value)
        || has(&span.resource.attributes, key, value)
        || has(&span.scope.attributes, key, value)
        || span.events.iter().any(|event| has(&event.attributes, key, value))
        || span.links.iter().any(|link| has(&link.attributes, key, value))
}

/// Fields that Jaeger shows as tags.
fn own_field_matches(span: &Span, key: &str, value: &str) -> bool {
    match key {
        "error" => value == "true" && span.status == StatusCode::Error,
        "span.kind" => value.eq_ignore_ascii_case(span.kind.as_str()),
        "otel.status_code" => value.eq_ignore_ascii_case(match span.status {
            StatusCode::Unset => "unset",
            StatusCode::Ok => "ok",
            StatusCode::Error => "error",
        }),
        "otel.status_description" => !value.is_empty() && value == span.status_message,
        "otel.scope.name" => !value.is_empty() && value == span.scope.name,
        "otel.scope.version" => !value.is_empty() && value == span.scope.version,
        _ => false,
    }
}

fn has(attributes: &Attributes, key: &str, value: &str) -> bool {
    attributes
        .iter()
        .any(|(name, own)| name == key && prints_as(own, value))
}

/// Whether a value's text is `expected`, without making the text.
fn prints_as(value: &AttributeValue, expected: &str) -> bool {
    if let AttributeValue::String(text) = value {
        return text == expected;
    }
    let mut rest = Expect { rest: expected };
    write!(rest, "{value}").is_ok() && rest.rest.is_empty()
}

/// Takes only a certain text.
struct Expect<'a> {
    rest: &'a str,
}

impl Write for Expect<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.rest = self.rest.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// The newest traces found so far: at most `limit`, each known by its newest matching span.
#[derive(Debug)]
pub(crate) struct Newest {
    limit: usize,
    starts: HashMap<TraceId, i64>,
    order: BTreeSet<(i64, std::cmp::Reverse<TraceId>)>,
}

impl Newest {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            starts: HashMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// Whether a span that starts at `start_ns` could still change the result.
    pub(crate) fn wants(&self, start_ns: i64) -> bool {
        match self.order.first() {
            _ if self.limit == 0 => false,
            Some((oldest_ns, _)) if self.order.len() >= self.limit => start_ns >= *oldest_ns,
            _ => true,
        }
    }

    /// Whether the trace is known by a span that starts no earlier.
    pub(crate) fn has_newer(&self, trace_id: TraceId, start_ns: i64) -> bool {
        self.starts.get(&trace_id).is_some_and(|known_ns| *known_ns >= start_ns)
    }

    /// Takes a matching span in.
    pub(crate) fn offer(&mut self, trace_id: TraceId, start_ns: i64) {
        if !self.wants(start_ns) || self.has_newer(trace_id, start_ns) {
            return;
        }
        if let Some(older_ns) = self.starts.insert(trace_id, start_ns) {
            self.order.remove(&(older_ns, std::cmp::Reverse(trace_id)));
        }
        self.order.insert((start_ns, std::cmp::Reverse(trace_id)));
        if self.order.len() > self.limit
            && let Some((_, std::cmp::Reverse(dropped))) = self.order.pop_first()
        {
            self.starts.remove(&dropped);
        }
    }

    /// The traces, newest first; of two that are as new, the one with the lesser id.
    pub(crate) fn traces(&self) -> Vec<TraceId> {
        self.order.iter().rev().map(|(_, trace_id)| trace_id.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::span;

    #[test]
    fn tags_match_fields_and_attributes_of_all_levels() {
        let mut one = span(1, 1, 0);
        one.status = StatusCode::Error;
        one.attributes.push(("ratio".to_owned(), AttributeValue::Double(0.5)));
        for (key, value, expect) in [
            ("error", "true", true),
            ("error", "false", false),
            ("span.kind", "server", true),
            ("otel.status_code", "ERROR", true),
            ("http.status", "200", true),
            ("http.status", "20", false),
            ("http.status", "2000", false),
            ("ratio", "0.5", true),
            ("service.name", "gateway", true),
            ("nope", "", false),
        ] {
            let tags = [(key.to_owned(), value.to_owned())];
            assert_eq!(tags_match(&one, &tags), expect, "{key}={value}");
        }
    }

    #[test]
    fn only_the_newest_traces_are_kept() {
        let mut newest = Newest::new(2);
        let id = |byte: u8| TraceId([byte; 16]);
        for (trace, start_ns) in [(1, 10), (2, 20), (1, 15), (3, 5), (4, 15), (3, 30)] {
            newest.offer(id(trace), start_ns);
        }
        assert_eq!(newest.traces(), [id(3), id(2)]);
        assert!(newest.wants(20) && !newest.wants(19));
        assert!(!Newest::new(0).wants(i64::MAX));
    }
}
