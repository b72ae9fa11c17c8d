//! Reads records. Bytes come from disk, so nothing here trusts them.

use std::sync::Arc;

use skopos_core::TenantId;
use skopos_core::span::{
    AttributeValue, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
};

use super::bytes::Reader;
use super::{MAX_DEPTH, VERSION, flag, tag};

/// Bytes that are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broken span record at byte {position}: {reason}")]
pub(crate) struct RecordError {
    pub(crate) position: usize,
    pub(crate) reason: &'static str,
}

/// A record in memory: the bytes, and where things lie in them.
#[derive(Debug)]
pub(crate) struct SpanBlock {
    bytes: Box<[u8]>,
    strings: Box<[(u32, u32)]>,
    resources: Box<[Arc<Resource>]>,
    scopes: Box<[Arc<Scope>]>,
    spans: Box<[u32]>,
}

/// What the head's indexes need of a span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpanSummary {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) kind: SpanKind,
    pub(crate) status: StatusCode,
    pub(crate) resource: usize,
    pub(crate) scope: usize,
    pub(crate) name: usize,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    flags: u8,
}

impl SpanBlock {
    /// Reads what all spans share; spans are decoded one by one later.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<(TenantId, Self), RecordError> {
        let mut block = Self {
            bytes: bytes.into_boxed_slice(),
            strings: Box::default(),
            resources: Box::default(),
            scopes: Box::default(),
            spans: Box::default(),
        };
        let all = std::mem::take(&mut block.bytes);
        let mut reader = Reader::new(&all, 0);
        if reader.byte()? != VERSION {
            return reader.error("unknown version");
        }
        let tenant = std::str::from_utf8(reader.length_prefixed()?)
            .ok()
            .and_then(|text| TenantId::new(text).ok());
        let Some(tenant) = tenant else {
            return reader.error("the tenant is no tenant");
        };
        block.strings = read_strings(&mut reader)?;
        let strings = Strings {
            bytes: &all,
            places: &block.strings,
        };
        let mut resources = Vec::new();
        for _ in 0..reader.count(1)? {
            let attributes = attributes(&mut reader, strings, 0)?;
            resources.push(Arc::new(Resource { attributes }));
        }
        let mut scopes = Vec::new();
        for _ in 0..reader.count(3)? {
            scopes.push(Arc::new(Scope {
                name: strings.owned(&mut reader)?,
                version: strings.owned(&mut reader)?,
                attributes: attributes(&mut reader, strings, 0)?,
            }));
        }
        let mut spans = Vec::new();
        for _ in 0..reader.count(1)? {
            let length = reader.count(1)?;
            spans.push(reader.position() as u32);
            reader.take(length)?;
        }
        block.resources = resources.into_boxed_slice();
        block.scopes = scopes.into_boxed_slice();
        block.spans = spans.into_boxed_slice();
        block.bytes = all;
        Ok((tenant, block))
    }

    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Bytes that the block takes, resources and scopes left out.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + self.strings.len() * 8 + self.spans.len() * 4 + size_of::<Self>()
    }

    /// Replaces resources and scopes by equal ones that are shared between blocks.
    pub(crate) fn share(
        &mut self,
        mut resource: impl FnMut(&Arc<Resource>) -> Arc<Resource>,
        mut scope: impl FnMut(&Arc<Scope>) -> Arc<Scope>,
    ) {
        for own in &mut self.resources {
            *own = resource(own);
        }
        for own in &mut self.scopes {
            *own = scope(own);
        }
    }

    fn strings(&self) -> Strings<'_> {
        Strings {
            bytes: &self.bytes,
            places: &self.strings,
        }
    }

    /// The text of the table at `index`.
    pub(crate) fn string(&self, index: usize) -> Result<&str, RecordError> {
        self.strings().get(index, 0)
    }

    /// A resource of the block.
    pub(crate) fn resource(&self, index: usize) -> Option<&Arc<Resource>> {
        self.resources.get(index)
    }

    /// The fixed part of a span.
    pub(crate) fn summary(&self, span: usize) -> Result<SpanSummary, RecordError> {
        self.read_summary(span).map(|(summary, _)| summary)
    }

    fn read_summary(&self, span: usize) -> Result<(SpanSummary, Reader<'_>), RecordError> {
        let start = self.spans.get(span).map_or(usize::MAX, |start| *start as usize);
        let mut reader = Reader::new(&self.bytes, start);
        let trace_id = TraceId(reader.array()?);
        let span_id = SpanId(reader.array()?);
        let flags = reader.byte()?;
        let kind = kind(&mut reader)?;
        let status = status(&mut reader)?;
        let parent_span_id = match flags & flag::PARENT {
            0 => None,
            _ => Some(SpanId(reader.array()?)),
        };
        let (resource, scope, name) = (reader.index()?, reader.index()?, reader.index()?);
        if resource >= self.resources.len() || scope >= self.scopes.len() {
            return reader.error("a resource or scope is missing");
        }
        let start_ns = reader.zigzag()?;
        let end_ns = start_ns.wrapping_add(reader.zigzag()?);
        let summary = SpanSummary {
            trace_id,
            span_id,
            parent_span_id,
            kind,
            status,
            resource,
            scope,
            name,
            start_ns,
            end_ns,
            flags,
        };
        Ok((summary, reader))
    }

    /// A whole span.
    pub(crate) fn span(&self, span: usize) -> Result<Span, RecordError> {
        let (summary, mut reader) = self.read_summary(span)?;
        let strings = self.strings();
        let reader = &mut reader;
        let has = |bit: u8| summary.flags & bit != 0;
        let flags = u32::try_from(reader.varint()?).unwrap_or(0);
        let (mut trace_state, mut status_message) = (String::new(), String::new());
        if has(flag::TRACE_STATE) {
            trace_state = strings.owned(reader)?;
        }
        if has(flag::STATUS_MESSAGE) {
            status_message = strings.owned(reader)?;
        }
        let (mut own_attributes, mut own_events, mut own_links) = (Vec::new(), Vec::new(), Vec::new());
        if has(flag::ATTRIBUTES) {
            own_attributes = attributes(reader, strings, 0)?;
        }
        if has(flag::EVENTS) {
            own_events = events(reader, strings, summary.start_ns)?;
        }
        if has(flag::LINKS) {
            own_links = links(reader, strings)?;
        }
        Ok(Span {
            trace_id: summary.trace_id,
            span_id: summary.span_id,
            parent_span_id: summary.parent_span_id,
            trace_state,
            flags,
            name: strings.get(summary.name, reader.position())?.to_owned(),
            kind: summary.kind,
            start_ns: summary.start_ns,
            end_ns: summary.end_ns,
            attributes: own_attributes,
            events: own_events,
            links: own_links,
            status: summary.status,
            status_message,
            resource: Arc::clone(&self.resources[summary.resource]),
            scope: Arc::clone(&self.scopes[summary.scope]),
        })
    }
}

/// The table of strings.
#[derive(Debug, Clone, Copy)]
struct Strings<'a> {
    bytes: &'a [u8],
    places: &'a [(u32, u32)],
}

impl<'a> Strings<'a> {
    fn get(self, index: usize, position: usize) -> Result<&'a str, RecordError> {
        let place = self.places.get(index);
        let bytes = place.and_then(|(start, end)| self.bytes.get(*start as usize..*end as usize));
        bytes
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or(RecordError {
                position,
                reason: "a string is missing",
            })
    }

    fn owned(self, reader: &mut Reader<'_>) -> Result<String, RecordError> {
        let index = reader.index()?;
        self.get(index, reader.position()).map(str::to_owned)
    }
}

fn read_strings(reader: &mut Reader<'_>) -> Result<Box<[(u32, u32)]>, RecordError> {
    let count = reader.count(1)?;
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        let text = reader.length_prefixed()?;
        if std::str::from_utf8(text).is_err() {
            return reader.error("a string is not UTF-8");
        }
        let end = reader.position();
        places.push(((end - text.len()) as u32, end as u32));
    }
    Ok(places.into_boxed_slice())
}

fn kind(reader: &mut Reader<'_>) -> Result<SpanKind, RecordError> {
    Ok(match reader.byte()? {
        0 => SpanKind::Unspecified,
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => return reader.error("unknown span kind"),
    })
}

fn status(reader: &mut Reader<'_>) -> Result<StatusCode, RecordError> {
    Ok(match reader.byte()? {
        0 => StatusCode::Unset,
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => return reader.error("unknown status code"),
    })
}

fn events(reader: &mut Reader<'_>, strings: Strings<'_>, start_ns: i64) -> Result<Vec<SpanEvent>, RecordError> {
    let count = reader.count(3)?;
    let mut events = Vec::with_capacity(count);
    for _ in 0..count {
        events.push(SpanEvent {
            timestamp_ns: start_ns.wrapping_add(reader.zigzag()?),
            name: strings.owned(reader)?,
            attributes: attributes(reader, strings, 0)?,
        });
    }
    Ok(events)
}

fn links(reader: &mut Reader<'_>, strings: Strings<'_>) -> Result<Vec<SpanLink>, RecordError> {
    let count = reader.count(26)?;
    let mut links = Vec::with_capacity(count);
    for _ in 0..count {
        links.push(SpanLink {
            trace_id: TraceId(reader.array()?),
            span_id: SpanId(reader.array()?),
            trace_state: strings.owned(reader)?,
            attributes: attributes(reader, strings, 0)?,
        });
    }
    Ok(links)
}

fn attributes(reader: &mut Reader<'_>, strings: Strings<'_>, depth: usize) -> Result<Attributes, RecordError> {
    let count = reader.count(2)?;
    let mut attributes = Vec::with_capacity(count);
    for _ in 0..count {
        let name = strings.owned(reader)?;
        attributes.push((name, value(reader, strings, depth)?));
    }
    Ok(attributes)
}

fn value(reader: &mut Reader<'_>, strings: Strings<'_>, depth: usize) -> Result<AttributeValue, RecordError> {
    if depth > MAX_DEPTH {
        return reader.error("values are nested too deep");
    }
    Ok(match reader.byte()? {
        tag::STRING => AttributeValue::String(strings.owned(reader)?),
        tag::FALSE => AttributeValue::Bool(false),
        tag::TRUE => AttributeValue::Bool(true),
        tag::INT => AttributeValue::Int(reader.zigzag()?),
        tag::DOUBLE => AttributeValue::Double(f64::from_bits(u64::from_le_bytes(reader.array()?))),
        tag::BYTES => AttributeValue::Bytes(reader.length_prefixed()?.to_vec()),
        tag::ARRAY => {
            let count = reader.count(1)?;
            let mut items = Vec::with_capacity(count);
            for _ in 0..count {
                items.push(value(reader, strings, depth + 1)?);
            }
            AttributeValue::Array(items)
        }
        tag::MAP => AttributeValue::Map(attributes(reader, strings, depth + 1)?),
        _ => return reader.error("unknown kind of value"),
    })
}
