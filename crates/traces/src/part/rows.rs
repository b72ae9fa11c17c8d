//! Rows of a part as spans. Columns that were not read give empty fields.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType, UInt32Type};
use arrow_array::{Array, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray};
use hashbrown::HashMap;
use skopos_core::ReadError;
use skopos_core::span::{Resource, Scope, Span, SpanId, TraceId};

use super::json::{self, JsonError};
use super::{column, kind_of, status_of};

/// Resources and scopes that rows share.
#[derive(Debug, Default)]
pub(super) struct SharedValues {
    resources: HashMap<String, Arc<Resource>>,
    scopes: HashMap<(String, String, String), Arc<Scope>>,
}

/// The columns of a batch.
pub(super) struct Columns<'a> {
    path: &'a str,
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub(super) fn new(path: &'a str, batch: &'a RecordBatch) -> Self {
        Self { path, batch }
    }

    fn error(&self, reason: String) -> ReadError {
        ReadError::Storage {
            what: self.path.to_owned(),
            reason,
        }
    }

    fn missing(&self, name: &str) -> ReadError {
        self.error(format!("the column {name} is missing or of another type"))
    }

    pub(super) fn fixed(&self, name: &str) -> Result<&'a FixedSizeBinaryArray, ReadError> {
        let column = self
            .batch
            .column_by_name(name)
            .and_then(|column| column.as_fixed_size_binary_opt());
        column.ok_or_else(|| self.missing(name))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a StringArray, ReadError> {
        let column = self
            .batch
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        column.ok_or_else(|| self.missing(name))
    }

    pub(super) fn start_times(&self) -> Result<&'a PrimitiveArray<TimestampNanosecondType>, ReadError> {
        let name = column::START_TIME;
        let column = self
            .batch
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt());
        column.ok_or_else(|| self.missing(name))
    }

    pub(super) fn durations(&self) -> Result<&'a PrimitiveArray<Int64Type>, ReadError> {
        let name = column::DURATION_NS;
        let column = self
            .batch
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt());
        column.ok_or_else(|| self.missing(name))
    }

    fn text_at(&self, name: &str, row: usize) -> &'a str {
        match self.text(name) {
            Ok(column) if column.is_valid(row) => column.value(row),
            _ => "",
        }
    }

    fn json<T>(&self, name: &str, row: usize, read: fn(&str) -> Result<T, JsonError>) -> Result<T, ReadError> {
        read(self.text_at(name, row)).map_err(|error| self.error(format!("column {name}: {error}")))
    }

    /// The span of a row.
    pub(super) fn span(&self, row: usize, shared: &mut SharedValues) -> Result<Span, ReadError> {
        let start_ns = self.start_times()?.value(row);
        let duration_ns = self.durations().map_or(0, |column| column.value(row));
        let flags = self.batch.column_by_name(column::FLAGS);
        let flags = flags.and_then(|column| column.as_primitive_opt::<UInt32Type>());
        Ok(Span {
            trace_id: TraceId(id(self.fixed(column::TRACE_ID)?, row).unwrap_or_default()),
            span_id: SpanId(self.optional_id(column::SPAN_ID, row).unwrap_or_default()),
            parent_span_id: self.optional_id(column::PARENT_SPAN_ID, row).map(SpanId),
            trace_state: self.text_at(column::TRACE_STATE, row).to_owned(),
            flags: flags.map_or(0, |column| column.value(row)),
            name: self.text_at(column::NAME, row).to_owned(),
            kind: kind_of(self.text_at(column::KIND, row)),
            start_ns,
            end_ns: start_ns.wrapping_add(duration_ns),
            attributes: self.json(column::ATTRIBUTES, row, read_object)?,
            events: self.json(column::EVENTS, row, json::read_events)?,
            links: self.json(column::LINKS, row, json::read_links)?,
            status: status_of(self.text_at(column::STATUS, row)),
            status_message: self.text_at(column::STATUS_MESSAGE, row).to_owned(),
            resource: self.resource(row, shared)?,
            scope: self.scope(row, shared)?,
        })
    }

    fn optional_id<const N: usize>(&self, name: &str, row: usize) -> Option<[u8; N]> {
        self.fixed(name).ok().and_then(|column| id(column, row))
    }

    fn resource(&self, row: usize, shared: &mut SharedValues) -> Result<Arc<Resource>, ReadError> {
        let text = self.text_at(column::RESOURCE, row);
        if let Some(known) = shared.resources.get(text) {
            return Ok(Arc::clone(known));
        }
        let attributes = self.json(column::RESOURCE, row, read_object)?;
        let resource = Arc::new(Resource { attributes });
        shared.resources.insert(text.to_owned(), Arc::clone(&resource));
        Ok(resource)
    }

    fn scope(&self, row: usize, shared: &mut SharedValues) -> Result<Arc<Scope>, ReadError> {
        let names = [column::SCOPE_NAME, column::SCOPE_VERSION, column::SCOPE_ATTRIBUTES];
        let [name, version, attributes] = names.map(|column| self.text_at(column, row).to_owned());
        let key = (name, version, attributes);
        if let Some(known) = shared.scopes.get(&key) {
            return Ok(Arc::clone(known));
        }
        let scope = Arc::new(Scope {
            name: key.0.clone(),
            version: key.1.clone(),
            attributes: self.json(column::SCOPE_ATTRIBUTES, row, read_object)?,
        });
        shared.scopes.insert(key, Arc::clone(&scope));
        Ok(scope)
    }
}

/// Attributes; none of an empty text.
fn read_object(text: &str) -> Result<skopos_core::span::Attributes, JsonError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    json::read_attributes(text)
}

/// The id of a row, if it has one.
pub(super) fn id<const N: usize>(column: &FixedSizeBinaryArray, row: usize) -> Option<[u8; N]> {
    if column.is_null(row) {
        return None;
    }
    column.value(row).try_into().ok()
}
