//! What queries ask of a part.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use skopos_core::span::{Span, SpanId, TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, ReadError};
use skopos_storage::{ColumnPredicate, PartReader, PartScan};

use super::rows::{Columns, SharedValues, id};
use super::{column, kind_of, summary};
use crate::error::part_error;
use crate::search::{self, Newest};
use crate::sets::{CallEdge, Operation, Sets};

/// Rows whose attributes are read at once, newest first.
const TAG_ROWS: usize = 512;

/// Adds the spans of some traces.
pub(crate) fn read_traces(part: &PartReader, ids: &[TraceId], out: &mut Vec<Span>) -> Result<(), ReadError> {
    let rows = rows_of_traces(part, ids)?;
    if rows.is_empty() {
        return Ok(());
    }
    read_spans(
        part,
        &PartScan {
            rows: Some(rows),
            ..PartScan::default()
        },
        out,
    )
}

/// Adds all spans.
pub(crate) fn read_all(part: &PartReader, out: &mut Vec<Span>) -> Result<(), ReadError> {
    read_spans(part, &PartScan::default(), out)
}

fn read_spans(part: &PartReader, scan: &PartScan, out: &mut Vec<Span>) -> Result<(), ReadError> {
    let path = &part.meta().path;
    let mut shared = SharedValues::default();
    for batch in part.scan(scan).map_err(|error| part_error(path, &error))? {
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let columns = Columns::new(path, &batch);
        for row in 0..batch.num_rows() {
            out.push(columns.span(row, &mut shared)?);
        }
    }
    Ok(())
}

/// Numbers of the rows of some traces. The bloom filters of the row groups are asked first.
fn rows_of_traces(part: &PartReader, ids: &[TraceId]) -> Result<Vec<u64>, ReadError> {
    let path = &part.meta().path;
    let predicate = ColumnPredicate::AnyOf {
        column: column::TRACE_ID.to_owned(),
        values: ids.iter().map(|id| id.0.to_vec()).collect(),
    };
    let predicates = [predicate];
    let groups = part
        .matching_row_groups(&predicates)
        .map_err(|error| part_error(path, &error))?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: HashSet<[u8; 16]> = ids.iter().map(|id| id.0).collect();
    let mut numbers = row_numbers(part, &groups);
    let mut found = Vec::new();
    let scan = PartScan {
        predicates: predicates.to_vec(),
        ..PartScan::columns(&[column::TRACE_ID])
    };
    for batch in part.scan(&scan).map_err(|error| part_error(path, &error))? {
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let trace_ids = Columns::new(path, &batch).fixed(column::TRACE_ID)?;
        for (row, number) in (0..batch.num_rows()).zip(numbers.by_ref()) {
            if id(trace_ids, row).is_some_and(|id| wanted.contains(&id)) {
                found.push(number);
            }
        }
    }
    Ok(found)
}

/// The numbers of the rows of some row groups, in order.
fn row_numbers<'a>(part: &'a PartReader, groups: &'a [usize]) -> impl Iterator<Item = u64> + 'a {
    let sizes = part
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows().max(0) as u64);
    let mut start = 0;
    let ranges = sizes.enumerate().map(move |(number, size)| {
        let range = start..start + size;
        start += size;
        (number, range)
    });
    ranges
        .filter(|(number, _)| groups.contains(number))
        .flat_map(|(_, range)| range)
}

/// A row that meets everything but the tags.
struct Candidate {
    start_ns: i64,
    trace_id: TraceId,
    row: u64,
}

/// Offers the traces with a matching span.
pub(crate) fn search(
    part: &PartReader,
    search: &TraceSearch,
    newest: &mut Newest,
    budget: &QueryBudget,
) -> Result<(), ReadError> {
    let mut candidates = candidates(part, search, newest, budget)?;
    if search.tags.is_empty() {
        for candidate in candidates {
            newest.offer(candidate.trace_id, candidate.start_ns);
        }
        return Ok(());
    }
    candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.start_ns));
    let mut shared = SharedValues::default();
    for chunk in candidates.chunks_mut(TAG_ROWS) {
        budget.check("trace search")?;
        if !newest.wants(chunk[0].start_ns) {
            break;
        }
        check_tags(part, search, chunk, newest, &mut shared)?;
    }
    Ok(())
}

fn candidates(
    part: &PartReader,
    search: &TraceSearch,
    newest: &Newest,
    budget: &QueryBudget,
) -> Result<Vec<Candidate>, ReadError> {
    let path = &part.meta().path;
    let scan = PartScan::columns(&[
        column::TRACE_ID,
        column::START_TIME,
        column::DURATION_NS,
        column::SERVICE,
        column::NAME,
    ]);
    let mut found = Vec::new();
    let mut first_row = 0;
    for batch in part.scan(&scan).map_err(|error| part_error(path, &error))? {
        budget.check("trace search")?;
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let columns = Columns::new(path, &batch);
        let (trace_ids, starts) = (columns.fixed(column::TRACE_ID)?, columns.start_times()?);
        let (durations, services, names) = (
            columns.durations()?,
            columns.text(column::SERVICE)?,
            columns.text(column::NAME)?,
        );
        for row in 0..batch.num_rows() {
            let (start_ns, duration_ns) = (starts.value(row), durations.value(row).max(0));
            let meets = search.range.contains(start_ns)
                && newest.wants(start_ns)
                && search.min_duration_ns.is_none_or(|min| min <= duration_ns)
                && search.max_duration_ns.is_none_or(|max| duration_ns <= max)
                && search
                    .service
                    .as_ref()
                    .is_none_or(|service| service == services.value(row))
                && search.operation.as_ref().is_none_or(|name| name == names.value(row));
            if meets && let Some(trace_id) = id(trace_ids, row) {
                found.push(Candidate {
                    start_ns,
                    trace_id: TraceId(trace_id),
                    row: first_row + row as u64,
                });
            }
        }
        first_row += batch.num_rows() as u64;
    }
    Ok(found)
}

/// Reads what tags are looked up in, of some rows, and offers the traces that match.
fn check_tags(
    part: &PartReader,
    search: &TraceSearch,
    candidates: &mut [Candidate],
    newest: &mut Newest,
    shared: &mut SharedValues,
) -> Result<(), ReadError> {
    const COLUMNS: [&str; 13] = [
        column::TRACE_ID,
        column::START_TIME,
        column::KIND,
        column::STATUS,
        column::STATUS_MESSAGE,
        column::SCOPE_NAME,
        column::SCOPE_VERSION,
        column::SCOPE_ATTRIBUTES,
        column::RESOURCE,
        column::ATTRIBUTES,
        column::EVENTS,
        column::LINKS,
        column::NAME,
    ];
    let path = &part.meta().path;
    candidates.sort_unstable_by_key(|candidate| candidate.row);
    let scan = PartScan {
        rows: Some(candidates.iter().map(|candidate| candidate.row).collect()),
        ..PartScan::columns(&COLUMNS)
    };
    for batch in part.scan(&scan).map_err(|error| part_error(path, &error))? {
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let columns = Columns::new(path, &batch);
        for row in 0..batch.num_rows() {
            let span = columns.span(row, shared)?;
            if search::tags_match(&span, &search.tags) {
                newest.offer(span.trace_id, span.start_ns);
            }
        }
    }
    Ok(())
}

/// Adds the operations in the range.
pub(crate) fn operations(part: &PartReader, range: TimeRangeNs, sets: &mut Sets) -> Result<(), ReadError> {
    let listed = summary::read(part).filter(|operations| {
        let partly = |min_ns: i64, max_ns: i64| {
            range.overlaps_closed(min_ns, max_ns) && !(range.contains(min_ns) || range.contains(max_ns))
        };
        !operations
            .iter()
            .any(|operation| partly(operation.min_start_ns, operation.max_start_ns))
    });
    let Some(listed) = listed else {
        return scan_operations(part, range, sets);
    };
    for operation in listed {
        if range.contains(operation.min_start_ns) || range.contains(operation.max_start_ns) {
            sets.operations.insert(Operation {
                service: operation.service,
                name: operation.name,
                kind: operation.kind,
            });
        }
    }
    Ok(())
}

fn scan_operations(part: &PartReader, range: TimeRangeNs, sets: &mut Sets) -> Result<(), ReadError> {
    let path = &part.meta().path;
    let scan = PartScan::columns(&[column::START_TIME, column::SERVICE, column::NAME, column::KIND])
        .with_predicate(starts_within(range));
    for batch in part.scan(&scan).map_err(|error| part_error(path, &error))? {
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let columns = Columns::new(path, &batch);
        let starts = columns.start_times()?;
        let (services, names, kinds) = (
            columns.text(column::SERVICE)?,
            columns.text(column::NAME)?,
            columns.text(column::KIND)?,
        );
        for row in (0..batch.num_rows()).filter(|row| range.contains(starts.value(*row))) {
            sets.operations.insert(Operation {
                service: services.value(row).to_owned(),
                name: names.value(row).to_owned(),
                kind: kind_of(kinds.value(row)),
            });
        }
    }
    Ok(())
}

fn starts_within(range: TimeRangeNs) -> ColumnPredicate {
    ColumnPredicate::Between {
        column: column::START_TIME.to_owned(),
        min: range.start_ns,
        max: range.end_ns.saturating_sub(1),
    }
}

/// Adds what dependencies are made of: the spans in the range.
pub(crate) fn call_edges(
    part: &PartReader,
    range: TimeRangeNs,
    edges: &mut Vec<CallEdge>,
    services: &mut Vec<Arc<str>>,
) -> Result<(), ReadError> {
    let path = &part.meta().path;
    let scan = PartScan::columns(&[
        column::TRACE_ID,
        column::SPAN_ID,
        column::PARENT_SPAN_ID,
        column::START_TIME,
        column::SERVICE,
    ])
    .with_predicate(starts_within(range));
    let mut known: HashMap<String, u32> = HashMap::new();
    for batch in part.scan(&scan).map_err(|error| part_error(path, &error))? {
        let batch = batch.map_err(|error| part_error(path, &error))?;
        let columns = Columns::new(path, &batch);
        let (trace_ids, span_ids) = (columns.fixed(column::TRACE_ID)?, columns.fixed(column::SPAN_ID)?);
        let (parents, names) = (columns.fixed(column::PARENT_SPAN_ID)?, columns.text(column::SERVICE)?);
        let starts = columns.start_times()?;
        for row in (0..batch.num_rows()).filter(|row| range.contains(starts.value(*row))) {
            let service = *known.entry_ref(names.value(row)).or_insert_with(|| {
                services.push(Arc::from(names.value(row)));
                services.len() as u32 - 1
            });
            edges.push(CallEdge {
                trace_id: TraceId(id(trace_ids, row).unwrap_or_default()),
                span_id: SpanId(id(span_ids, row).unwrap_or_default()),
                parent_span_id: id(parents, row).map(SpanId),
                start_ns: starts.value(row),
                service,
            });
        }
    }
    Ok(())
}
