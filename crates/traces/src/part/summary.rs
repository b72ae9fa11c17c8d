//! The operations of a part, kept in its Parquet metadata: services and operations are listed
//! without reading a row.

use hashbrown::HashMap;
use skopos_core::span::{AttributeValue, Span, SpanKind};

use super::{json, kind_of, kind_text};

const KEY: &str = "skopos.traces.operations";
/// Most operations of a part that are listed; parts with more have no list.
const MAX_OPERATIONS: usize = 5000;

/// An operation of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartOperation {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) min_start_ns: i64,
    pub(super) max_start_ns: i64,
}

/// Collects the operations of a part.
#[derive(Debug, Default)]
pub(super) struct SummaryBuilder {
    times: HashMap<(String, String, SpanKind), (i64, i64)>,
}

impl SummaryBuilder {
    pub(super) fn add(&mut self, span: &Span) {
        if self.times.len() > MAX_OPERATIONS {
            return;
        }
        let key = (span.resource.service_name().to_owned(), span.name.clone(), span.kind);
        let (min_ns, max_ns) = self.times.entry(key).or_insert((span.start_ns, span.start_ns));
        *min_ns = span.start_ns.min(*min_ns);
        *max_ns = span.start_ns.max(*max_ns);
    }

    /// The entry of the Parquet metadata, unless there are too many operations.
    pub(super) fn entry(&self) -> Option<(&'static str, String)> {
        if self.times.len() > MAX_OPERATIONS {
            return None;
        }
        let mut operations: Vec<_> = self.times.iter().collect();
        operations.sort_by(|((a, b, c), _), ((d, e, f), _)| (a, b, kind_text(*c)).cmp(&(d, e, kind_text(*f))));
        let text = |text: &str| AttributeValue::String(text.to_owned());
        let rows = operations.into_iter().map(|((service, name, kind), (min_ns, max_ns))| {
            AttributeValue::Array(vec![
                text(service),
                text(name),
                text(kind_text(*kind)),
                AttributeValue::Int(*min_ns),
                AttributeValue::Int(*max_ns),
            ])
        });
        Some((KEY, json::value(&AttributeValue::Array(rows.collect()))))
    }
}

/// The operations that a part lists.
pub(super) fn read(part: &skopos_storage::PartReader) -> Option<Vec<PartOperation>> {
    let AttributeValue::Array(rows) = json::read_value(part.key_value(KEY)?).ok()? else {
        return None;
    };
    rows.into_iter().map(read_row).collect()
}

fn read_row(row: AttributeValue) -> Option<PartOperation> {
    let AttributeValue::Array(fields) = row else {
        return None;
    };
    match <[AttributeValue; 5]>::try_from(fields).ok()? {
        [
            AttributeValue::String(service),
            AttributeValue::String(name),
            AttributeValue::String(kind),
            AttributeValue::Int(min_start_ns),
            AttributeValue::Int(max_start_ns),
        ] => Some(PartOperation {
            service,
            name,
            kind: kind_of(&kind),
            min_start_ns,
            max_start_ns,
        }),
        _ => None,
    }
}
