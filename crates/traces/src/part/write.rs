//! Writes spans as rows of a part.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int64Builder, StringBuilder, TimestampNanosecondBuilder, UInt32Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use skopos_core::span::Span;
use skopos_storage::{PartMeta, PartSpec, PartStore, PartWriter};

use super::json;
use super::summary::SummaryBuilder;
use super::{format, kind_text, schema, status_text};
use crate::error::FlushError;

/// Rows that are gathered before they are encoded.
const BATCH_ROWS: usize = 4096;

/// A part on its way to the store.
pub(crate) struct SpanPartWriter {
    writer: PartWriter,
    rows: Rows,
    summary: SummaryBuilder,
    min_ns: i64,
    max_ns: i64,
}

impl SpanPartWriter {
    pub(crate) fn new() -> Result<Self, FlushError> {
        Ok(Self {
            writer: PartWriter::new(&format())?,
            rows: Rows::new(),
            summary: SummaryBuilder::default(),
            min_ns: i64::MAX,
            max_ns: i64::MIN,
        })
    }

    /// Adds a span; the caller sorts.
    pub(crate) fn push(&mut self, span: &Span) -> Result<(), FlushError> {
        self.rows.push(span)?;
        self.summary.add(span);
        self.min_ns = self.min_ns.min(span.start_ns);
        self.max_ns = self.max_ns.max(span.start_ns);
        if self.rows.count == BATCH_ROWS {
            self.writer.write(&self.rows.finish()?)?;
        }
        Ok(())
    }

    /// Ends the part and puts it in place; `spec` gets the times of the rows.
    pub(crate) fn publish(mut self, parts: &PartStore, spec: PartSpec) -> Result<PartMeta, FlushError> {
        if self.rows.count > 0 {
            self.writer.write(&self.rows.finish()?)?;
        }
        if let Some((key, value)) = self.summary.entry() {
            self.writer.add_key_value(key, value);
        }
        let spec = PartSpec {
            min_time_ms: self.min_ns.div_euclid(1_000_000),
            max_time_ms: self.max_ns.div_euclid(1_000_000),
            ..spec
        };
        Ok(parts.publish(self.writer, spec)?)
    }
}

/// Columns that grow.
struct Rows {
    count: usize,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    parent_span_id: FixedSizeBinaryBuilder,
    start_time: TimestampNanosecondBuilder,
    duration_ns: Int64Builder,
    flags: UInt32Builder,
    service: StringBuilder,
    name: StringBuilder,
    kind: StringBuilder,
    status: StringBuilder,
    status_message: StringBuilder,
    trace_state: StringBuilder,
    scope_name: StringBuilder,
    scope_version: StringBuilder,
    scope_attributes: StringBuilder,
    resource: StringBuilder,
    attributes: StringBuilder,
    events: StringBuilder,
    links: StringBuilder,
}

impl Rows {
    fn new() -> Self {
        Self {
            count: 0,
            trace_id: FixedSizeBinaryBuilder::new(16),
            span_id: FixedSizeBinaryBuilder::new(8),
            parent_span_id: FixedSizeBinaryBuilder::new(8),
            start_time: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            duration_ns: Int64Builder::new(),
            flags: UInt32Builder::new(),
            service: StringBuilder::new(),
            name: StringBuilder::new(),
            kind: StringBuilder::new(),
            status: StringBuilder::new(),
            status_message: StringBuilder::new(),
            trace_state: StringBuilder::new(),
            scope_name: StringBuilder::new(),
            scope_version: StringBuilder::new(),
            scope_attributes: StringBuilder::new(),
            resource: StringBuilder::new(),
            attributes: StringBuilder::new(),
            events: StringBuilder::new(),
            links: StringBuilder::new(),
        }
    }

    fn push(&mut self, span: &Span) -> Result<(), FlushError> {
        let encode = |error: arrow_schema::ArrowError| FlushError::Encode(error.to_string());
        self.trace_id.append_value(span.trace_id.0).map_err(encode)?;
        self.span_id.append_value(span.span_id.0).map_err(encode)?;
        match span.parent_span_id {
            Some(parent) => self.parent_span_id.append_value(parent.0).map_err(encode)?,
            None => self.parent_span_id.append_null(),
        }
        self.start_time.append_value(span.start_ns);
        self.duration_ns.append_value(span.end_ns.wrapping_sub(span.start_ns));
        self.flags.append_value(span.flags);
        self.service.append_value(span.resource.service_name());
        self.name.append_value(&span.name);
        self.kind.append_value(kind_text(span.kind));
        self.status.append_value(status_text(span.status));
        append_optional(&mut self.status_message, &span.status_message);
        append_optional(&mut self.trace_state, &span.trace_state);
        self.scope_name.append_value(&span.scope.name);
        self.scope_version.append_value(&span.scope.version);
        self.scope_attributes.append_value(json::object(&span.scope.attributes));
        self.resource.append_value(json::object(&span.resource.attributes));
        self.attributes.append_value(json::object(&span.attributes));
        append_optional(&mut self.events, &json::events(&span.events));
        append_optional(&mut self.links, &json::links(&span.links));
        self.count += 1;
        Ok(())
    }

    /// The rows so far; the columns start anew.
    fn finish(&mut self) -> Result<RecordBatch, FlushError> {
        self.count = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
            Arc::new(self.parent_span_id.finish()),
            Arc::new(self.start_time.finish()),
            Arc::new(self.duration_ns.finish()),
            Arc::new(self.service.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.status_message.finish()),
            Arc::new(self.flags.finish()),
            Arc::new(self.trace_state.finish()),
            Arc::new(self.scope_name.finish()),
            Arc::new(self.scope_version.finish()),
            Arc::new(self.scope_attributes.finish()),
            Arc::new(self.resource.finish()),
            Arc::new(self.attributes.finish()),
            Arc::new(self.events.finish()),
            Arc::new(self.links.finish()),
        ];
        RecordBatch::try_new(schema(), columns).map_err(|error| FlushError::Encode(error.to_string()))
    }
}

/// Empty texts are nulls.
fn append_optional(column: &mut StringBuilder, text: &str) {
    column.append_option((!text.is_empty()).then_some(text));
}
