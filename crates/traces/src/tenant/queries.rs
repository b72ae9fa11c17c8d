//! What each query of [`super::TenantTraces`] does with heads and parts.

use std::sync::Arc;

use skopos_core::span::{Span, TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, ReadError};
use skopos_storage::{PartMeta, PartReader};

use super::Query;
use crate::head::Head;
use crate::part;
use crate::search::Newest;
use crate::sets::{CallEdge, Sets};

/// All spans of some traces.
pub(super) struct Traces<'a> {
    pub(super) ids: &'a [TraceId],
    pub(super) budget: &'a QueryBudget,
}

impl Query for Traces<'_> {
    type Found = Vec<Span>;

    fn head(&self, head: &Head, found: &mut Vec<Span>) -> Result<(), ReadError> {
        let before = found.len();
        for id in self.ids {
            head.trace(*id, found)?;
        }
        self.budget.charge(found.len() - before, "trace spans")?;
        Ok(())
    }

    fn part(&self, part: &PartReader, found: &mut Vec<Span>) -> Result<(), ReadError> {
        self.budget.check("trace spans")?;
        let before = found.len();
        part::read_traces(part, self.ids, found)?;
        self.budget.charge(found.len() - before, "trace spans")?;
        Ok(())
    }
}

/// The newest traces that meet a search.
pub(super) struct Search<'a> {
    pub(super) wanted: &'a TraceSearch,
    /// Most traces.
    pub(super) limit: usize,
    pub(super) budget: &'a QueryBudget,
}

/// [`Newest`] does not know its limit before the first use.
#[derive(Default)]
pub(super) struct Found(Option<Newest>);

impl Found {
    fn newest(&mut self, limit: usize) -> &mut Newest {
        self.0.get_or_insert_with(|| Newest::new(limit))
    }

    pub(super) fn traces(self) -> Vec<TraceId> {
        self.0.map(|newest| newest.traces()).unwrap_or_default()
    }
}

impl Query for Search<'_> {
    type Found = Found;

    fn head(&self, head: &Head, found: &mut Found) -> Result<(), ReadError> {
        head.search(self.wanted, found.newest(self.limit), self.budget)
    }

    fn wants_part(&self, meta: &PartMeta, found: &Found) -> bool {
        let newest_ns = meta.spec.max_time_ms.saturating_add(1).saturating_mul(1_000_000);
        found.0.as_ref().is_none_or(|newest| newest.wants(newest_ns))
    }

    fn part(&self, part: &PartReader, found: &mut Found) -> Result<(), ReadError> {
        part::search(part, self.wanted, found.newest(self.limit), self.budget)
    }
}

/// Services and operations.
pub(super) struct Operations {
    pub(super) range: TimeRangeNs,
}

impl Query for Operations {
    type Found = Sets;

    fn head(&self, head: &Head, found: &mut Sets) -> Result<(), ReadError> {
        head.operations(self.range, found);
        Ok(())
    }

    fn part(&self, part: &PartReader, found: &mut Sets) -> Result<(), ReadError> {
        part::operations(part, self.range, found)
    }
}

/// What calls between services are counted from.
pub(super) struct Calls {
    pub(super) range: TimeRangeNs,
}

#[derive(Default)]
pub(super) struct FoundCalls {
    pub(super) edges: Vec<CallEdge>,
    pub(super) services: Vec<Arc<str>>,
}

/// Most spans that a dependency graph is made of: the newest parts count.
const MAX_CALL_EDGES: usize = 2_000_000;

impl Query for Calls {
    type Found = FoundCalls;

    fn head(&self, head: &Head, found: &mut FoundCalls) -> Result<(), ReadError> {
        head.call_edges(self.range, &mut found.edges, &mut found.services);
        Ok(())
    }

    fn wants_part(&self, meta: &PartMeta, found: &FoundCalls) -> bool {
        found.edges.len() as u64 + meta.rows <= MAX_CALL_EDGES as u64
    }

    fn part(&self, part: &PartReader, found: &mut FoundCalls) -> Result<(), ReadError> {
        part::call_edges(part, self.range, &mut found.edges, &mut found.services)
    }
}
