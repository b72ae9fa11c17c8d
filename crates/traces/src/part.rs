//! Parts of spans: one Parquet file, a row a span. Rows are sorted by the first start of their
//! trace, then by trace, then by start, so that a trace lies together and time ranges select
//! pages. The columns are in `docs/formats/traces.md`.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod json;
mod query;
mod rows;
mod summary;
mod write;

pub(crate) use query::{call_edges, operations, read_all, read_traces, search};
pub(crate) use write::SpanPartWriter;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use skopos_core::span::{SpanKind, StatusCode};
use skopos_storage::PartFormat;

/// Names of the columns.
pub(crate) mod column {
    pub(crate) const TRACE_ID: &str = "trace_id";
    pub(crate) const SPAN_ID: &str = "span_id";
    pub(crate) const PARENT_SPAN_ID: &str = "parent_span_id";
    pub(crate) const START_TIME: &str = "start_time";
    pub(crate) const DURATION_NS: &str = "duration_ns";
    pub(crate) const SERVICE: &str = "service";
    pub(crate) const NAME: &str = "name";
    pub(crate) const KIND: &str = "kind";
    pub(crate) const STATUS: &str = "status";
    pub(crate) const STATUS_MESSAGE: &str = "status_message";
    pub(crate) const FLAGS: &str = "flags";
    pub(crate) const TRACE_STATE: &str = "trace_state";
    pub(crate) const SCOPE_NAME: &str = "scope_name";
    pub(crate) const SCOPE_VERSION: &str = "scope_version";
    pub(crate) const SCOPE_ATTRIBUTES: &str = "scope_attributes";
    pub(crate) const RESOURCE: &str = "resource";
    pub(crate) const ATTRIBUTES: &str = "attributes";
    pub(crate) const EVENTS: &str = "events";
    pub(crate) const LINKS: &str = "links";
}

/// Version of the columns, in the Parquet metadata.
const FORMAT_KEY: &str = "skopos.traces.format";
const FORMAT_VERSION: &str = "1";

/// The columns.
pub(crate) fn schema() -> SchemaRef {
    use column as c;
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let optional_text = |name: &str| Field::new(name, DataType::Utf8, true);
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC")));
    Arc::new(Schema::new(vec![
        Field::new(c::TRACE_ID, DataType::FixedSizeBinary(16), false),
        Field::new(c::SPAN_ID, DataType::FixedSizeBinary(8), false),
        Field::new(c::PARENT_SPAN_ID, DataType::FixedSizeBinary(8), true),
        Field::new(c::START_TIME, time, false),
        Field::new(c::DURATION_NS, DataType::Int64, false),
        text(c::SERVICE),
        text(c::NAME),
        text(c::KIND),
        text(c::STATUS),
        optional_text(c::STATUS_MESSAGE),
        Field::new(c::FLAGS, DataType::UInt32, false),
        optional_text(c::TRACE_STATE),
        text(c::SCOPE_NAME),
        text(c::SCOPE_VERSION),
        text(c::SCOPE_ATTRIBUTES),
        text(c::RESOURCE),
        text(c::ATTRIBUTES),
        optional_text(c::EVENTS),
        optional_text(c::LINKS),
    ]))
}

/// How parts are written.
pub(crate) fn format() -> PartFormat {
    let mut format = PartFormat::new(schema())
        .with_bloom_columns(&[column::TRACE_ID])
        .with_plain_columns(&[
            column::SPAN_ID,
            column::PARENT_SPAN_ID,
            column::START_TIME,
            column::DURATION_NS,
        ]);
    // Ids are random: their bounds select nothing, and a page left out for them would hide the
    // numbers of the rows.
    format.opaque_columns = [column::TRACE_ID, column::SPAN_ID, column::PARENT_SPAN_ID]
        .map(str::to_owned)
        .to_vec();
    format
        .key_values
        .push((FORMAT_KEY.to_owned(), FORMAT_VERSION.to_owned()));
    format
}

/// The text of a kind in parts.
pub(crate) fn kind_text(kind: SpanKind) -> &'static str {
    kind.as_str()
}

pub(crate) fn kind_of(text: &str) -> SpanKind {
    const ALL: [SpanKind; 5] = [
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
    ALL.into_iter().find(|kind| kind.as_str() == text).unwrap_or_default()
}

/// The text of a status in parts.
pub(crate) fn status_text(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "unset",
        StatusCode::Ok => "ok",
        StatusCode::Error => "error",
    }
}

pub(crate) fn status_of(text: &str) -> StatusCode {
    match text {
        "ok" => StatusCode::Ok,
        "error" => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}
