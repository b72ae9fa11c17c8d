//! Attributes, events and links as JSON text: readable by any tool, and read back exactly.
//!
//! Order and repeated names are kept. Doubles always have a point or an exponent, so that they
//! differ from whole numbers. What JSON lacks is an object with one name that starts with `$`:
//! `{"$bytes":"hex"}`, `{"$double":"NaN"}`; a map that looks like one is wrapped in `{"$map":…}`.

mod read;

pub(super) use read::{JsonError, read_attributes, read_events, read_links, read_value};

use std::fmt::{self, Write};

use skopos_core::span::{AttributeValue, Attributes, SpanEvent, SpanLink};

/// Attributes as an object.
pub(super) fn object(attributes: &Attributes) -> String {
    let mut out = String::with_capacity(attributes.len() * 32 + 2);
    write_object(&mut out, attributes);
    out
}

/// Any value.
pub(super) fn value(value: &AttributeValue) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// Events as a list of `{"time_unix_nano","name","attributes"}`; empty for none.
pub(super) fn events(events: &[SpanEvent]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let mut out = String::from("[");
    for (i, event) in events.iter().enumerate() {
        separate(&mut out, i);
        out.push_str("{\"time_unix_nano\":");
        out.push_str(&event.timestamp_ns.to_string());
        out.push_str(",\"name\":");
        write_text(&mut out, &event.name);
        out.push_str(",\"attributes\":");
        write_object(&mut out, &event.attributes);
        out.push('}');
    }
    out.push(']');
    out
}

/// Links as a list of `{"trace_id","span_id","trace_state","attributes"}`; empty for none.
pub(super) fn links(links: &[SpanLink]) -> String {
    if links.is_empty() {
        return String::new();
    }
    let mut out = String::from("[");
    for (i, link) in links.iter().enumerate() {
        separate(&mut out, i);
        out.push_str("{\"trace_id\":\"");
        out.push_str(&link.trace_id.to_string());
        out.push_str("\",\"span_id\":\"");
        out.push_str(&link.span_id.to_string());
        out.push_str("\",\"trace_state\":");
        write_text(&mut out, &link.trace_state);
        out.push_str(",\"attributes\":");
        write_object(&mut out, &link.attributes);
        out.push('}');
    }
    out.push(']');
    out
}

fn separate(out: &mut String, position: usize) {
    if position > 0 {
        out.push(',');
    }
}

fn write_object(out: &mut String, attributes: &Attributes) {
    out.push('{');
    for (i, (name, value)) in attributes.iter().enumerate() {
        separate(out, i);
        write_text(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &AttributeValue) {
    match value {
        AttributeValue::String(text) => write_text(out, text),
        AttributeValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        AttributeValue::Int(number) => out.push_str(&number.to_string()),
        AttributeValue::Double(number) if number.is_finite() => push(out, format_args!("{number:?}")),
        AttributeValue::Double(number) => {
            out.push_str("{\"$double\":\"");
            out.push_str(&number.to_string());
            out.push_str("\"}");
        }
        AttributeValue::Bytes(bytes) => {
            out.push_str("{\"$bytes\":\"");
            out.push_str(&hex::encode(bytes));
            out.push_str("\"}");
        }
        AttributeValue::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, i);
                write_value(out, item);
            }
            out.push(']');
        }
        AttributeValue::Map(pairs) if matches!(pairs.as_slice(), [(name, _)] if name.starts_with('$')) => {
            out.push_str("{\"$map\":");
            write_object(out, pairs);
            out.push('}');
        }
        AttributeValue::Map(pairs) => write_object(out, pairs),
    }
}

fn push(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes every text");
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => push(out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_spans;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn everything_round_trips(spans in any_spans(6)) {
            for span in spans {
                prop_assert_eq!(&read_attributes(&object(&span.attributes)).expect("our own"), &span.attributes);
                prop_assert_eq!(&read_events(&events(&span.events)).expect("our own"), &span.events);
                prop_assert_eq!(&read_links(&links(&span.links)).expect("our own"), &span.links);
            }
        }

        #[test]
        fn damage_is_no_panic(text in "[\\[\\]{}\",:\\\\u0-9a-e.$+-]{0,40}") {
            let read: Result<_, JsonError> = read_attributes(&text);
            prop_assert!(read.is_ok() || read.is_err());
        }
    }

    #[test]
    fn values_without_a_form_in_json() {
        let attributes = vec![
            ("nan".to_owned(), AttributeValue::Double(f64::INFINITY)),
            ("one".to_owned(), AttributeValue::Double(1.0)),
            ("bytes".to_owned(), AttributeValue::Bytes(vec![1, 255])),
        ];
        let text = object(&attributes);
        assert_eq!(text, r#"{"nan":{"$double":"inf"},"one":1.0,"bytes":{"$bytes":"01ff"}}"#);
        assert_eq!(read_attributes(&text), Ok(attributes));
        assert!(read_attributes(&"[".repeat(10_000)).is_err());
    }
}
