//! What summaries over many spans collect: operations, and the calls between services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::span::{SpanId, SpanKind, TraceId};
use skopos_core::time::TimeRangeNs;

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
}

/// Operations found.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    pub(crate) operations: hashbrown::HashSet<Operation>,
}

impl Sets {
    /// Names of the services, sorted.
    pub(crate) fn services(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.operations.iter().map(|operation| &operation.service).collect();
        names.into_iter().cloned().collect()
    }

    /// Name and kind of the operations of a service, sorted.
    pub(crate) fn operations(&self, service: &str) -> Vec<(String, SpanKind)> {
        let of_service = self.operations.iter().filter(|operation| operation.service == service);
        let mut found: Vec<_> = of_service
            .map(|operation| (operation.name.clone(), operation.kind))
            .collect();
        found.sort_by(|a, b| (a.0.as_str(), a.1.as_str()).cmp(&(b.0.as_str(), b.1.as_str())));
        found
    }
}

/// A span as far as calls between services are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallEdge {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) start_ns: i64,
    /// Index into a list of services.
    pub(crate) service: u32,
}

/// Counts the calls: spans in the range whose parent is a span of another service.
pub(crate) fn count_calls(edges: &[CallEdge], services: &[Arc<str>], range: TimeRangeNs) -> Vec<(String, String, u64)> {
    let service_of: HashMap<(TraceId, SpanId), u32> = edges
        .iter()
        .map(|edge| ((edge.trace_id, edge.span_id), edge.service))
        .collect();
    let mut calls: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut counted = hashbrown::HashSet::new();
    for edge in edges.iter().filter(|edge| range.contains(edge.start_ns)) {
        let Some(parent) = edge.parent_span_id else {
            continue;
        };
        let Some(caller) = service_of.get(&(edge.trace_id, parent)) else {
            continue;
        };
        let (caller, callee) = (&*services[*caller as usize], &*services[edge.service as usize]);
        if caller != callee && counted.insert((edge.trace_id, edge.span_id)) {
            *calls.entry((caller, callee)).or_default() += 1;
        }
    }
    let counted = calls.into_iter();
    counted
        .map(|((caller, callee), count)| (caller.to_owned(), callee.to_owned(), count))
        .collect()
}
