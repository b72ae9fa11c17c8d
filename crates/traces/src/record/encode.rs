//! Writes records.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::TenantId;
use skopos_core::span::{AttributeValue, Attributes, Resource, Scope, Span, SpanEvent, SpanKind, SpanLink, StatusCode};

use super::bytes::{put_bytes, put_varint, put_zigzag};
use super::{VERSION, flag, tag};

/// A record of spans. Resources and scopes are told apart by their address: what a batch shares
/// is written once.
pub(crate) fn encode(tenant: &TenantId, spans: &[Span]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    let mut body = Vec::with_capacity(spans.len() * 256);
    put_varint(&mut body, spans.len() as u64);
    let mut buffer = Vec::with_capacity(1024);
    for span in spans {
        buffer.clear();
        encoder.span(&mut buffer, span);
        put_bytes(&mut body, &buffer);
    }
    let mut record = Vec::with_capacity(body.len() + 4096);
    record.push(VERSION);
    put_bytes(&mut record, tenant.as_str().as_bytes());
    put_varint(&mut record, encoder.strings.len() as u64);
    for text in &encoder.strings {
        put_bytes(&mut record, text.as_bytes());
    }
    put_varint(&mut record, encoder.resource_ids.len() as u64);
    record.extend_from_slice(&encoder.resources);
    put_varint(&mut record, encoder.scope_ids.len() as u64);
    record.extend_from_slice(&encoder.scopes);
    record.extend_from_slice(&body);
    record
}

#[derive(Debug, Default)]
struct Encoder<'a> {
    strings: Vec<&'a str>,
    string_ids: HashMap<&'a str, u64>,
    resources: Vec<u8>,
    resource_ids: HashMap<*const Resource, u64>,
    scopes: Vec<u8>,
    scope_ids: HashMap<*const Scope, u64>,
}

impl<'a> Encoder<'a> {
    fn string(&mut self, out: &mut Vec<u8>, text: &'a str) {
        let next = self.strings.len() as u64;
        let id = *self.string_ids.entry(text).or_insert(next);
        if id == next {
            self.strings.push(text);
        }
        put_varint(out, id);
    }

    fn resource(&mut self, resource: &'a Arc<Resource>) -> u64 {
        let next = self.resource_ids.len() as u64;
        let id = *self.resource_ids.entry(Arc::as_ptr(resource)).or_insert(next);
        if id == next {
            let mut out = std::mem::take(&mut self.resources);
            self.attributes(&mut out, &resource.attributes);
            self.resources = out;
        }
        id
    }

    fn scope(&mut self, scope: &'a Arc<Scope>) -> u64 {
        let next = self.scope_ids.len() as u64;
        let id = *self.scope_ids.entry(Arc::as_ptr(scope)).or_insert(next);
        if id == next {
            let mut out = std::mem::take(&mut self.scopes);
            self.string(&mut out, &scope.name);
            self.string(&mut out, &scope.version);
            self.attributes(&mut out, &scope.attributes);
            self.scopes = out;
        }
        id
    }

    fn span(&mut self, out: &mut Vec<u8>, span: &'a Span) {
        out.extend_from_slice(&span.trace_id.0);
        out.extend_from_slice(&span.span_id.0);
        out.push(flags(span));
        out.push(kind_code(span.kind));
        out.push(status_code(span.status));
        if let Some(parent) = span.parent_span_id {
            out.extend_from_slice(&parent.0);
        }
        put_varint(out, self.resource(&span.resource));
        put_varint(out, self.scope(&span.scope));
        self.string(out, &span.name);
        put_zigzag(out, span.start_ns);
        put_zigzag(out, span.end_ns.wrapping_sub(span.start_ns));
        put_varint(out, u64::from(span.flags));
        if !span.trace_state.is_empty() {
            self.string(out, &span.trace_state);
        }
        if !span.status_message.is_empty() {
            self.string(out, &span.status_message);
        }
        if !span.attributes.is_empty() {
            self.attributes(out, &span.attributes);
        }
        if !span.events.is_empty() {
            self.events(out, span.start_ns, &span.events);
        }
        if !span.links.is_empty() {
            self.links(out, &span.links);
        }
    }

    fn events(&mut self, out: &mut Vec<u8>, start_ns: i64, events: &'a [SpanEvent]) {
        put_varint(out, events.len() as u64);
        for event in events {
            put_zigzag(out, event.timestamp_ns.wrapping_sub(start_ns));
            self.string(out, &event.name);
            self.attributes(out, &event.attributes);
        }
    }

    fn links(&mut self, out: &mut Vec<u8>, links: &'a [SpanLink]) {
        put_varint(out, links.len() as u64);
        for link in links {
            out.extend_from_slice(&link.trace_id.0);
            out.extend_from_slice(&link.span_id.0);
            self.string(out, &link.trace_state);
            self.attributes(out, &link.attributes);
        }
    }

    fn attributes(&mut self, out: &mut Vec<u8>, attributes: &'a Attributes) {
        put_varint(out, attributes.len() as u64);
        for (name, value) in attributes {
            self.string(out, name);
            self.value(out, value);
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, value: &'a AttributeValue) {
        match value {
            AttributeValue::String(text) => {
                out.push(tag::STRING);
                self.string(out, text);
            }
            AttributeValue::Bool(false) => out.push(tag::FALSE),
            AttributeValue::Bool(true) => out.push(tag::TRUE),
            AttributeValue::Int(number) => {
                out.push(tag::INT);
                put_zigzag(out, *number);
            }
            AttributeValue::Double(number) => {
                out.push(tag::DOUBLE);
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            AttributeValue::Bytes(bytes) => {
                out.push(tag::BYTES);
                put_bytes(out, bytes);
            }
            AttributeValue::Array(items) => {
                out.push(tag::ARRAY);
                put_varint(out, items.len() as u64);
                for item in items {
                    self.value(out, item);
                }
            }
            AttributeValue::Map(pairs) => {
                out.push(tag::MAP);
                self.attributes(out, pairs);
            }
        }
    }
}

fn flags(span: &Span) -> u8 {
    let bit = |present: bool, bit: u8| if present { bit } else { 0 };
    bit(span.parent_span_id.is_some(), flag::PARENT)
        | bit(!span.trace_state.is_empty(), flag::TRACE_STATE)
        | bit(!span.status_message.is_empty(), flag::STATUS_MESSAGE)
        | bit(!span.attributes.is_empty(), flag::ATTRIBUTES)
        | bit(!span.events.is_empty(), flag::EVENTS)
        | bit(!span.links.is_empty(), flag::LINKS)
}

fn kind_code(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status_code(status: StatusCode) -> u8 {
    match status {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}
