//! What Jaeger's formats say, and how it becomes a span.

use std::collections::HashMap;
use std::sync::Arc;

use skopos_core::span::{
    AttributeValue, Attributes, Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanLink, TraceId,
    attribute,
};

use super::status::take_status;
use crate::otlp::Rejected;

/// Attribute of a link that keeps the type of the reference it was (OpenTelemetry's semantic conventions for
/// OpenTracing): `child_of` or `follows_from`.
const REF_TYPE: &str = "opentracing.ref_type";
/// The service name that the Collector writes where a resource has none.
const NO_SERVICE_NAME: &str = "OTLPResourceNoServiceName";
/// Bit of Jaeger's flags that says sampled; the same as in W3C's trace flags.
const SAMPLED: u32 = 1;

/// How a span refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// The other is its parent, which waits for it.
    ChildOf,
    /// The other came before it.
    FollowsFrom,
}

impl ReferenceKind {
    /// The value of [`REF_TYPE`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChildOf => "child_of",
            Self::FollowsFrom => "follows_from",
        }
    }
}

/// A pointer to another span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// What the other is.
    pub kind: ReferenceKind,
    /// The other's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
}

/// The references of a span as Jaeger has them: the parent first, then the links. A parent that the span was said to
/// follow is told as that alone, and nothing is told twice (`MaybeAddParentSpanID` in Jaeger's model).
pub fn references(span: &Span) -> Vec<Reference> {
    let parent = span.parent_span_id.map(|parent| (span.trace_id, parent));
    let follows_parent = span.links.iter().any(|link| {
        said_kind(link) == Some(ReferenceKind::FollowsFrom) && Some((link.trace_id, link.span_id)) == parent
    });
    let parent = parent.filter(|_| !follows_parent).map(|(trace_id, span_id)| Reference {
        kind: ReferenceKind::ChildOf,
        trace_id,
        span_id,
    });
    let mut told: Vec<Reference> = parent.into_iter().collect();
    for link in &span.links {
        let reference = Reference {
            kind: said_kind(link).unwrap_or(ReferenceKind::FollowsFrom),
            trace_id: link.trace_id,
            span_id: link.span_id,
        };
        if !told.contains(&reference) {
            told.push(reference);
        }
    }
    told
}

/// The kind that a link says it is of.
fn said_kind(link: &SpanLink) -> Option<ReferenceKind> {
    let AttributeValue::String(word) = attribute(&link.attributes, REF_TYPE)? else {
        return None;
    };
    [ReferenceKind::ChildOf, ReferenceKind::FollowsFrom]
        .into_iter()
        .find(|kind| kind.as_str() == word)
}

/// Something that happened during a span.
#[derive(Debug)]
pub(super) struct SentLog {
    /// Nanoseconds since the Unix epoch; `None` where they do not fit.
    pub(super) timestamp_ns: Option<i64>,
    pub(super) fields: Attributes,
}

/// A span as it was sent.
#[derive(Debug)]
pub(super) struct SentSpan {
    /// `None` where it has no valid length.
    pub(super) trace_id: Option<TraceId>,
    /// `None` where it has no valid length.
    pub(super) span_id: Option<SpanId>,
    /// The parent, where the format has it apart from the references.
    pub(super) parent: Option<SpanId>,
    pub(super) name: String,
    pub(super) references: Vec<Reference>,
    pub(super) flags: u32,
    /// Nanoseconds since the Unix epoch; `None` where they do not fit.
    pub(super) start_ns: Option<i64>,
    pub(super) duration_ns: Option<i64>,
    pub(super) tags: Attributes,
    pub(super) logs: Vec<SentLog>,
}

/// The resource of a process.
pub(super) fn resource(service_name: String, tags: Attributes) -> Resource {
    let has_name = !service_name.is_empty() && service_name != NO_SERVICE_NAME;
    let name = has_name.then(|| ("service.name".to_owned(), AttributeValue::String(service_name)));
    let mut attributes: Attributes = name.into_iter().chain(tags).collect();
    rename(&mut attributes, "hostname", "host.name", |value| value);
    rename(
        &mut attributes,
        "jaeger.version",
        "opencensus.exporterversion",
        |version| AttributeValue::String(format!("Jaeger-{version}")),
    );
    Resource { attributes }
}

/// Gives a tag its name in OpenTelemetry, unless there is one of that name.
fn rename(attributes: &mut Attributes, old: &str, new: &str, value: fn(AttributeValue) -> AttributeValue) {
    if attributes.iter().any(|(key, _)| key == new) {
        return;
    }
    if let Some((key, sent)) = attributes.iter_mut().find(|(key, _)| key == old) {
        new.clone_into(key);
        *sent = value(std::mem::replace(sent, AttributeValue::Bool(false)));
    }
}

/// Collects the spans of one request.
#[derive(Debug, Default)]
pub(super) struct Collector {
    batch: SpanBatch,
    rejected: Rejected,
    scopes: HashMap<(String, String), Arc<Scope>>,
}

impl Collector {
    /// Adds a span of a process, or counts it.
    pub(super) fn add(&mut self, sent: SentSpan, resource: &Arc<Resource>) {
        match self.span(sent, resource) {
            Ok(span) => self.batch.spans.push(span),
            Err(reason) => self.rejected.add(|| reason),
        }
    }

    /// What became of all.
    pub(super) fn finish(self) -> (SpanBatch, Rejected) {
        (self.batch, self.rejected)
    }

    fn span(&mut self, sent: SentSpan, resource: &Arc<Resource>) -> Result<Span, String> {
        let name = &sent.name;
        let invalid = |what: &str| format!("span {name:?} has an invalid {what}");
        let trace_id = sent.trace_id.filter(|id| !id.is_zero());
        let trace_id = trace_id.ok_or_else(|| invalid("trace id: 128 bits, not all zero, are expected"))?;
        let span_id = sent.span_id.filter(|id| !id.is_zero());
        let span_id = span_id.ok_or_else(|| invalid("span id: 64 bits, not all zero, are expected"))?;
        let start_ns = sent.start_ns.filter(|start| *start >= 0);
        let start_ns = start_ns.ok_or_else(|| invalid("start time: it is before 1970 or after the year 2262"))?;
        let end_ns = sent.duration_ns.and_then(|duration| start_ns.checked_add(duration));
        let end_ns = end_ns.ok_or_else(|| invalid("duration: the end is after the year 2262"))?;
        let parent_span_id = parent_of(trace_id, sent.parent, &sent.references);
        let mut tags = sent.tags;
        let scope = self.take_scope(&mut tags);
        let kind = take_kind(&mut tags);
        let (status, status_message) = take_status(&mut tags, kind);
        let trace_state = take_text(&mut tags, "w3c.tracestate").unwrap_or_default();
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state,
            flags: sent.flags & SAMPLED,
            name: sent.name,
            kind,
            start_ns,
            end_ns,
            attributes: tags,
            events: sent.logs.into_iter().map(event).collect(),
            links: links(trace_id, parent_span_id, &sent.references),
            status,
            status_message,
            resource: Arc::clone(resource),
            scope,
        })
    }

    /// The library, from the tags of today or those that were before `otel.scope`.
    fn take_scope(&mut self, tags: &mut Attributes) -> Arc<Scope> {
        let (name, version) = match take_text(tags, "otel.scope.name") {
            Some(name) => (name, take_text(tags, "otel.scope.version")),
            None => match take_text(tags, "otel.library.name") {
                Some(name) => (name, take_text(tags, "otel.library.version")),
                None => (String::new(), None),
            },
        };
        let key = (name, version.unwrap_or_default());
        let scope = self.scopes.entry(key).or_insert_with_key(|(name, version)| {
            Arc::new(Scope {
                name: name.clone(),
                version: version.clone(),
                attributes: Attributes::new(),
            })
        });
        Arc::clone(scope)
    }
}

/// The parent: the one that is named, else the first reference `CHILD_OF` into the same trace, else the first
/// `FOLLOWS_FROM` (`Span.ParentSpanID` in Jaeger's model).
fn parent_of(trace_id: TraceId, named: Option<SpanId>, references: &[Reference]) -> Option<SpanId> {
    let first = |kind: ReferenceKind| {
        let own = references
            .iter()
            .find(|reference| reference.kind == kind && reference.trace_id == trace_id);
        own.map(|reference| reference.span_id)
    };
    named
        .or_else(|| first(ReferenceKind::ChildOf))
        .or_else(|| first(ReferenceKind::FollowsFrom))
        .filter(|id| !id.is_zero())
}

/// All references but that to the parent as a parent. One without valid ids points nowhere and is left out.
fn links(trace_id: TraceId, parent: Option<SpanId>, references: &[Reference]) -> Vec<SpanLink> {
    let is_parent = |reference: &Reference| {
        reference.kind == ReferenceKind::ChildOf && reference.trace_id == trace_id && Some(reference.span_id) == parent
    };
    let is_valid = |reference: &&Reference| !reference.trace_id.is_zero() && !reference.span_id.is_zero();
    let others = references.iter().filter(is_valid);
    others
        .filter(|reference| !is_parent(reference))
        .map(|reference| SpanLink {
            trace_id: reference.trace_id,
            span_id: reference.span_id,
            trace_state: String::new(),
            attributes: vec![(
                REF_TYPE.to_owned(),
                AttributeValue::String(reference.kind.as_str().to_owned()),
            )],
        })
        .collect()
}

/// A log; the field `event` names it.
fn event(sent: SentLog) -> SpanEvent {
    let mut attributes = sent.fields;
    SpanEvent {
        timestamp_ns: sent.timestamp_ns.unwrap_or(i64::MAX),
        name: take_text(&mut attributes, "event").unwrap_or_default(),
        attributes,
    }
}

/// The kind; a word that is none stays a tag.
fn take_kind(tags: &mut Attributes) -> SpanKind {
    let kind = tags
        .iter()
        .enumerate()
        .find_map(|(index, (key, value))| match (key.as_str(), value) {
            ("span.kind", AttributeValue::String(word)) => Some((index, kind_of(word)?)),
            _ => None,
        });
    let Some((index, kind)) = kind else {
        return SpanKind::Unspecified;
    };
    tags.remove(index);
    kind
}

fn kind_of(word: &str) -> Option<SpanKind> {
    Some(match word {
        "client" => SpanKind::Client,
        "server" => SpanKind::Server,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        "internal" => SpanKind::Internal,
        _ => return None,
    })
}

/// The value of a tag whose type is unknown, in the Collector's words.
pub(super) fn unknown_type(number: i32) -> AttributeValue {
    AttributeValue::String(format!("<Unknown Jaeger TagType \"{number}\">"))
}

/// Takes the first tag of a name out, if it is a text.
pub(super) fn take_text(tags: &mut Attributes, name: &str) -> Option<String> {
    let index = tags
        .iter()
        .position(|(key, value)| key == name && matches!(value, AttributeValue::String(_)))?;
    match tags.remove(index) {
        (_, AttributeValue::String(text)) => Some(text),
        _ => None,
    }
}
