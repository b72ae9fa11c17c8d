//! Recent spans of one tenant in memory: the records as they are in the log, with indexes by
//! trace and by service. A span costs its bytes in the record and about 70 bytes of index; it is
//! decoded when a query asks for it.

mod symbols;

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::span::{Span, SpanKind, TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, ReadError};

use crate::error::head_error;
use crate::record::{SpanBlock, SpanSummary};
use crate::search::{self, Newest};
use crate::sets::{CallEdge, Operation, Sets};
use symbols::{Shared, Symbols};

/// Marks the end of a chain.
const NONE: u32 = u32::MAX;
/// Spans between two looks at the budget.
const CHECK_EVERY: usize = 1024;

/// Recent spans of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    blocks: Vec<SpanBlock>,
    spans: Vec<HeadSpan>,
    traces: HashMap<TraceId, Chain>,
    symbols: Symbols,
    shared: Shared,
    /// Spans of each service, by its symbol.
    postings: Vec<Vec<u32>>,
    block_bytes: usize,
    oldest_ns: Option<i64>,
    newest_ns: Option<i64>,
}

/// The spans of a trace: a list through `HeadSpan::next`.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

/// What is known of a span without decoding it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadSpan {
    pub(crate) trace_id: TraceId,
    pub(crate) start_ns: i64,
    duration_ns: i64,
    block: u32,
    index: u32,
    service: u32,
    name: u32,
    next: u32,
    kind: SpanKind,
}

impl Head {
    /// Number of spans.
    pub(crate) fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// Number of traces.
    pub(crate) fn trace_count(&self) -> usize {
        self.traces.len()
    }

    /// Bytes in memory, estimated.
    pub(crate) fn size_bytes(&self) -> usize {
        self.block_bytes
            + self.spans.len() * (size_of::<HeadSpan>() + 4)
            + self.traces.len() * (size_of::<TraceId>() + size_of::<Chain>() + 4)
            + self.symbols.size_bytes()
    }

    /// Starts of the oldest and the newest span.
    pub(crate) fn time_bounds_ns(&self) -> Option<(i64, i64)> {
        self.oldest_ns.zip(self.newest_ns)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds the spans of a record. A span that cannot be read is left out and counted.
    pub(crate) fn insert(&mut self, mut block: SpanBlock) -> u64 {
        let shared = &mut self.shared;
        let (resources, scopes) = (&mut shared.resources, &mut shared.scopes);
        block.share(|own| resources.get(own), |own| scopes.get(own));
        let number = self.blocks.len() as u32;
        let mut broken = 0;
        for index in 0..block.len() {
            match block.summary(index) {
                Ok(summary) if self.insert_span(&block, number, index as u32, &summary) => {}
                _ => broken += 1,
            }
        }
        self.block_bytes += block.size_bytes();
        self.blocks.push(block);
        broken
    }

    fn insert_span(&mut self, block: &SpanBlock, number: u32, index: u32, summary: &SpanSummary) -> bool {
        let (Ok(name), Some(resource)) = (block.string(summary.name), block.resource(summary.resource)) else {
            return false;
        };
        let service = self.symbols.get(resource.service_name());
        let name = self.symbols.get(name);
        let position = self.spans.len() as u32;
        self.spans.push(HeadSpan {
            trace_id: summary.trace_id,
            start_ns: summary.start_ns,
            duration_ns: summary.end_ns.saturating_sub(summary.start_ns).max(0),
            block: number,
            index,
            service,
            name,
            next: NONE,
            kind: summary.kind,
        });
        self.postings
            .resize_with(self.postings.len().max(service as usize + 1), Vec::new);
        self.postings[service as usize].push(position);
        self.link(summary.trace_id, position);
        let oldest_ns = self.oldest_ns.unwrap_or(i64::MAX).min(summary.start_ns);
        let newest_ns = self.newest_ns.unwrap_or(i64::MIN).max(summary.start_ns);
        (self.oldest_ns, self.newest_ns) = (Some(oldest_ns), Some(newest_ns));
        true
    }

    fn link(&mut self, trace_id: TraceId, position: u32) {
        let chain = self.traces.entry(trace_id).or_insert(Chain {
            first: position,
            last: position,
        });
        if chain.last != position {
            self.spans[chain.last as usize].next = position;
            chain.last = position;
        }
    }

    fn decode(&self, span: &HeadSpan) -> Result<Span, ReadError> {
        self.blocks[span.block as usize]
            .span(span.index as usize)
            .map_err(|error| head_error(&error))
    }

    /// Positions of the spans of a trace.
    fn chain(&self, trace_id: TraceId) -> impl Iterator<Item = &HeadSpan> {
        let mut next = self.traces.get(&trace_id).map_or(NONE, |chain| chain.first);
        std::iter::from_fn(move || {
            let span = self.spans.get(next as usize)?;
            next = span.next;
            Some(span)
        })
    }

    /// Adds the spans of a trace to `out`.
    pub(crate) fn trace(&self, trace_id: TraceId, out: &mut Vec<Span>) -> Result<(), ReadError> {
        for span in self.chain(trace_id) {
            out.push(self.decode(span)?);
        }
        Ok(())
    }

    /// Start of the first span of each trace.
    pub(crate) fn trace_starts(&self) -> HashMap<TraceId, i64> {
        let mut starts = HashMap::with_capacity(self.traces.len());
        for span in &self.spans {
            let start = starts.entry(span.trace_id).or_insert(span.start_ns);
            *start = span.start_ns.min(*start);
        }
        starts
    }

    /// All spans, not decoded, in the order they came.
    pub(crate) fn spans(&self) -> &[HeadSpan] {
        &self.spans
    }

    /// Decodes a span that [`Head::spans`] gave.
    pub(crate) fn decode_span(&self, span: &HeadSpan) -> Result<Span, ReadError> {
        self.decode(span)
    }

    /// Offers the traces with a matching span, newest first, until no older one can be wanted.
    pub(crate) fn search(
        &self,
        search: &TraceSearch,
        newest: &mut Newest,
        budget: &QueryBudget,
    ) -> Result<(), ReadError> {
        let mut candidates = self.candidates(search);
        candidates.sort_unstable_by_key(|span| std::cmp::Reverse(span.start_ns));
        for (count, span) in candidates.into_iter().enumerate() {
            if count % CHECK_EVERY == 0 {
                budget.check("trace search")?;
            }
            if !newest.wants(span.start_ns) {
                break;
            }
            if newest.has_newer(span.trace_id, span.start_ns) {
                continue;
            }
            if search.tags.is_empty() || search::tags_match(&self.decode(span)?, &search.tags) {
                newest.offer(span.trace_id, span.start_ns);
            }
        }
        Ok(())
    }

    /// Spans that meet everything but the tags.
    fn candidates(&self, search: &TraceSearch) -> Vec<&HeadSpan> {
        let name = match &search.operation {
            Some(operation) => match self.symbols.find(operation) {
                Some(symbol) => Some(symbol),
                None => return Vec::new(),
            },
            None => None,
        };
        let meets = |span: &&HeadSpan| {
            name.is_none_or(|name| name == span.name)
                && search.range.contains(span.start_ns)
                && search.min_duration_ns.is_none_or(|min| min <= span.duration_ns)
                && search.max_duration_ns.is_none_or(|max| span.duration_ns <= max)
        };
        match &search.service {
            Some(service) => {
                let symbol = self.symbols.find(service);
                let positions = symbol.and_then(|symbol| self.postings.get(symbol as usize));
                let positions = positions.map(Vec::as_slice).unwrap_or_default();
                positions
                    .iter()
                    .map(|position| &self.spans[*position as usize])
                    .filter(meets)
                    .collect()
            }
            None => self.spans.iter().filter(meets).collect(),
        }
    }

    /// Adds the operations in the range.
    pub(crate) fn operations(&self, range: TimeRangeNs, sets: &mut Sets) {
        let mut seen = hashbrown::HashSet::new();
        for span in self.spans.iter().filter(|span| range.contains(span.start_ns)) {
            if seen.insert((span.service, span.name, span.kind)) {
                sets.operations.insert(Operation {
                    service: self.symbols.text(span.service).to_owned(),
                    name: self.symbols.text(span.name).to_owned(),
                    kind: span.kind,
                });
            }
        }
    }

    /// Adds what dependencies are made of: the spans in the range.
    pub(crate) fn call_edges(&self, range: TimeRangeNs, edges: &mut Vec<CallEdge>, services: &mut Vec<Arc<str>>) {
        let mut known: HashMap<u32, u32> = HashMap::new();
        for span in self.spans.iter().filter(|span| range.contains(span.start_ns)) {
            let Ok(summary) = self.blocks[span.block as usize].summary(span.index as usize) else {
                continue;
            };
            let service = *known.entry(span.service).or_insert_with(|| {
                services.push(Arc::from(self.symbols.text(span.service)));
                services.len() as u32 - 1
            });
            edges.push(CallEdge {
                trace_id: span.trace_id,
                span_id: summary.span_id,
                parent_span_id: summary.parent_span_id,
                start_ns: span.start_ns,
                service,
            });
        }
    }
}
