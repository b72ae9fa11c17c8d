//! The store against a model that keeps all spans in a list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use skopos_core::Clock as _;
use skopos_core::clock::ManualClock;
use skopos_core::span::{
    AttributeValue, Span, SpanBatch, SpanKind, StatusCode, TraceId, TraceSearch, TraceSink, TraceSource,
};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, TenantId};

use super::*;
use crate::testing::{BASE_NS, any_span, resource, span};

fn options(root: &std::path::Path) -> TraceStoreOptions {
    TraceStoreOptions {
        clock: Arc::new(ManualClock::at_ms(BASE_NS / 1_000_000 + 3 * 86_400_000)),
        ..TraceStoreOptions::new(root)
    }
}

fn open(root: &std::path::Path) -> TraceStore {
    TraceStore::open(options(root)).expect("the store opens")
}

fn append(store: &TraceStore, spans: Vec<Span>) {
    let count = spans.len() as u64;
    let tenant = store.tenant(&TenantId::default());
    let report = tenant.append(SpanBatch { spans }).expect("the log takes it");
    assert_eq!((report.stored, report.refused.len()), (count, 0));
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Span>),
    Flush,
    Compact,
    Reopen,
    Search(Query),
}

/// A search in small numbers, so that it often finds something.
#[derive(Debug, Clone)]
struct Query {
    service: Option<String>,
    operation: Option<String>,
    tag: Option<(String, String)>,
    min_ms: Option<i64>,
    max_ms: Option<i64>,
    range_s: (i64, i64),
    limit: usize,
}

impl Query {
    fn search(&self) -> TraceSearch {
        TraceSearch {
            service: self.service.clone(),
            operation: self.operation.clone(),
            tags: self.tag.clone().into_iter().collect(),
            min_duration_ns: self.min_ms.map(|ms| ms * 1_000_000),
            max_duration_ns: self.max_ms.map(|ms| ms * 1_000_000),
            range: self.range(),
            limit: self.limit,
        }
    }

    fn range(&self) -> TimeRangeNs {
        let at = |seconds: i64| BASE_NS + seconds * 1_000_000_000;
        TimeRangeNs::new(at(self.range_s.0), at(self.range_s.0 + self.range_s.1))
    }
}

fn any_tag() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        Just(("error", "true")),
        Just(("span.kind", "server")),
        Just(("otel.status_code", "OK")),
        Just(("service.name", "a")),
        Just(("a", "true")),
        Just(("b", "")),
    ]
    .prop_map(|(key, value)| (key.to_owned(), value.to_owned()))
}

prop_compose! {
    fn any_query()(
        service in prop::option::of("[a-d]"),
        operation in prop::option::weighted(0.3, "op[a-d]"),
        tag in prop::option::weighted(0.4, any_tag()),
        min_ms in prop::option::weighted(0.3, 0..2000i64),
        max_ms in prop::option::weighted(0.3, 1000..3000i64),
        range_s in (0..100_000i64, 1..170_000i64),
        limit in 0..4usize,
    ) -> Query {
        Query { service, operation, tag, min_ms, max_ms, range_s, limit }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any_span(), 0..6).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        5 => any_query().prop_map(Step::Search),
    ]
}

/// All spans that were stored, and the naive answers.
#[derive(Debug, Default)]
struct Model {
    spans: Vec<Span>,
}

impl Model {
    fn trace(&self, trace_id: TraceId) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for span in self.spans.iter().filter(|span| span.trace_id == trace_id) {
            if !spans.contains(span) {
                spans.push(span.clone());
            }
        }
        spans.sort_by_key(|span| (span.start_ns, span.span_id, span.end_ns));
        spans
    }

    fn search(&self, search: &TraceSearch) -> Vec<Vec<Span>> {
        let mut newest: BTreeMap<TraceId, i64> = BTreeMap::new();
        for span in self.spans.iter().filter(|span| meets(span, search)) {
            let start = newest.entry(span.trace_id).or_insert(span.start_ns);
            *start = span.start_ns.max(*start);
        }
        let mut order: Vec<_> = newest.into_iter().collect();
        order.sort_by_key(|(trace_id, start_ns)| (std::cmp::Reverse(*start_ns), *trace_id));
        order.truncate(search.limit);
        order.into_iter().map(|(trace_id, _)| self.trace(trace_id)).collect()
    }

    fn services(&self, range: TimeRangeNs) -> Vec<String> {
        let within = self.spans.iter().filter(|span| range.contains(span.start_ns));
        let names: BTreeSet<String> = within.map(|span| span.resource.service_name().to_owned()).collect();
        names.into_iter().collect()
    }

    fn operations(&self, service: &str, range: TimeRangeNs) -> Vec<(String, SpanKind)> {
        let within = self.spans.iter().filter(|span| range.contains(span.start_ns));
        let own = within.filter(|span| span.resource.service_name() == service);
        let mut found: Vec<(String, SpanKind)> = own.map(|span| (span.name.clone(), span.kind)).collect();
        found.sort_by_key(|(name, kind)| (name.clone(), kind.as_str()));
        found.dedup();
        found
    }
}

fn meets(span: &Span, search: &TraceSearch) -> bool {
    let same = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|wanted| wanted == own);
    same(&search.service, span.resource.service_name())
        && same(&search.operation, &span.name)
        && search.min_duration_ns.is_none_or(|min| span.duration_ns() >= min)
        && search.max_duration_ns.is_none_or(|max| span.duration_ns() <= max)
        && search.range.contains(span.start_ns)
        && search.tags.iter().all(|(key, value)| has_tag(span, key, value))
}

fn has_tag(span: &Span, key: &str, value: &str) -> bool {
    let own = match key {
        "error" => value == "true" && span.status == StatusCode::Error,
        "span.kind" => span.kind.as_str() == value,
        "otel.status_code" => span.status == StatusCode::Ok && value == "OK",
        _ => false,
    };
    let mut attributes = vec![&span.attributes, &span.resource.attributes, &span.scope.attributes];
    attributes.extend(span.events.iter().map(|event| &event.attributes));
    attributes.extend(span.links.iter().map(|link| &link.attributes));
    own || attributes
        .into_iter()
        .flatten()
        .any(|(name, own)| name == key && own.to_string() == value)
}

fn check(store: &TraceStore, model: &Model, query: &Query) {
    let tenant = store.tenant(&TenantId::default());
    let budget = QueryBudget::unbounded();
    let search = query.search();
    assert_eq!(
        tenant.search(&search, &budget).expect("it is readable"),
        model.search(&search),
        "{query:?}"
    );
    let range = query.range();
    assert_eq!(
        tenant.services(range).expect("it is readable"),
        model.services(range),
        "{query:?}"
    );
    assert_eq!(
        tenant.operations("a", range).expect("it is readable"),
        model.operations("a", range)
    );
    for id in 1..7 {
        let id = TraceId([id; 16]);
        assert_eq!(tenant.trace(id, &budget).expect("it is readable"), model.trace(id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_are_those_of_a_list(steps in prop::collection::vec(any_step(), 1..24)) {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        let mut store = open(dir.path());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append(spans) => {
                    model.spans.extend(spans.iter().cloned());
                    append(&store, spans);
                }
                Step::Flush => drop(store.flush().expect("the disk takes it")),
                Step::Compact => {
                    compact::compact(&store.shared.storage, 2).expect("the disk takes it");
                }
                Step::Reopen => {
                    drop(store);
                    store = open(dir.path());
                }
                Step::Search(query) => check(&store, &model, &query),
            }
        }
    }
}

#[test]
fn dependencies_count_calls_between_services() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let store = open(dir.path());
    let child = |trace, id, parent, service: &str| Span {
        parent_span_id: Some(skopos_core::span::SpanId([parent; 8])),
        resource: resource(service),
        ..span(trace, id, i64::from(id))
    };
    append(
        &store,
        vec![span(1, 1, 0), child(1, 2, 1, "worker"), child(1, 3, 2, "worker")],
    );
    store.flush().expect("the disk takes it");
    append(
        &store,
        vec![child(1, 4, 3, "tool"), span(2, 1, 0), child(2, 2, 1, "worker")],
    );
    let tenant = store.tenant(&TenantId::default());
    let text = |(a, b, n): (&str, &str, u64)| (a.to_owned(), b.to_owned(), n);
    assert_eq!(
        tenant.dependencies(TimeRangeNs::ALL).expect("it is readable"),
        [text(("gateway", "worker", 2)), text(("worker", "tool", 1))]
    );
    let late = TimeRangeNs::new(BASE_NS + 4_000_000_000, i64::MAX);
    assert_eq!(
        tenant.dependencies(late).expect("it is readable"),
        [text(("worker", "tool", 1))]
    );
}

#[test]
fn bad_spans_are_refused_one_by_one() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let store = TraceStore::open(TraceStoreOptions {
        retention: Duration::from_hours(7 * 24),
        max_span_bytes: 1000,
        ..options(dir.path())
    })
    .expect("the store opens");
    let zero = Span {
        trace_id: TraceId::default(),
        ..span(1, 1, 0)
    };
    let large = Span {
        name: "x".repeat(2000),
        ..span(1, 2, 0)
    };
    let batch = vec![
        span(1, 1, 0),
        zero,
        large,
        span(1, 3, -8 * 86_400),
        span(1, 4, 9 * 86_400),
    ];
    let tenant = store.tenant(&TenantId::default());
    let report = tenant.append(SpanBatch { spans: batch }).expect("the log takes it");
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|refusal| (refusal.reason, refusal.count))
        .collect();
    assert_eq!(
        (report.stored, refused),
        (
            1,
            vec![
                ("invalid_id", 1),
                ("span_too_large", 1),
                ("too_old", 1),
                ("too_far_in_future", 1)
            ]
        )
    );
}

#[test]
fn tenants_do_not_see_each_other() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let store = open(dir.path());
    append(&store, vec![span(1, 1, 0)]);
    store.flush().expect("the disk takes it");
    let other = store.tenant(&TenantId::new("other").expect("a tenant"));
    assert_eq!(
        other.services(TimeRangeNs::ALL).expect("it is readable"),
        Vec::<String>::new()
    );
    let found = other
        .trace(TraceId([1; 16]), &QueryBudget::unbounded())
        .expect("it is readable");
    assert!(found.is_empty());
}

#[test]
fn maintenance_flushes_merges_and_forgets() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let clock = Arc::new(ManualClock::at_ms(BASE_NS / 1_000_000 + 60_000));
    let store = TraceStore::open(TraceStoreOptions {
        retention: Duration::from_hours(48),
        flush_interval: Duration::from_mins(1),
        compact_parts: 4,
        clock: Arc::clone(&clock) as Arc<dyn skopos_core::Clock>,
        ..TraceStoreOptions::new(dir.path())
    })
    .expect("the store opens");
    let mut compacted = 0;
    for turn in 0..4u8 {
        append(&store, vec![span(1, turn + 1, i64::from(turn))]);
        clock.advance_ms(60_000);
        let report = store.maintain(clock.now_ms()).expect("the disk takes it");
        assert_eq!(report.flush.spans, 1);
        compacted += report.compacted;
    }
    let stats = store.stats();
    assert_eq!((compacted, stats.parts, stats.rows, stats.spans), (4, 1, 4, 0));
    assert_eq!(stats.oldest_ms, Some(BASE_NS / 1_000_000));
    clock.advance_ms(3 * 86_400_000);
    assert_eq!(store.maintain(clock.now_ms()).expect("the disk takes it").expired, 1);
    assert_eq!(store.stats().parts, 0);
}

#[test]
fn traces_of_low_priority_go_earlier_but_not_failed_ones() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let clock = Arc::new(ManualClock::at_ms(BASE_NS / 1_000_000 + 60_000));
    let open = || {
        TraceStore::open(TraceStoreOptions {
            retention: Duration::from_hours(48),
            low_priority_retention: Duration::from_hours(1),
            clock: Arc::clone(&clock) as Arc<dyn skopos_core::Clock>,
            ..TraceStoreOptions::new(dir.path())
        })
        .expect("the store opens")
    };
    let low = |trace, id| Span {
        attributes: vec![("trace.priority".into(), AttributeValue::String("low".into()))],
        ..span(trace, id, 0)
    };
    let failed = Span {
        status: StatusCode::Error,
        ..span(3, 6, 0)
    };
    let store = open();
    // The second span of the first trace says nothing of its own; the third trace had a failure.
    append(&store, vec![low(1, 1), span(1, 2, 1), span(2, 3, 0), low(3, 5), failed]);
    store.flush().expect("the disk takes it");
    let seen = |store: &TraceStore| {
        let tenant = store.tenant(&TenantId::default());
        let count = |id| {
            tenant
                .trace(TraceId([id; 16]), &QueryBudget::unbounded())
                .expect("it is readable")
                .len()
        };
        [count(1), count(2), count(3)]
    };
    let maintain = |store: &TraceStore| store.maintain(clock.now_ms()).expect("the disk takes it").thinned;
    assert_eq!(
        (maintain(&store), seen(&store)),
        (0, [2, 1, 2]),
        "not before their time"
    );
    clock.advance_ms(2 * 3_600_000);
    assert_eq!((maintain(&store), seen(&store)), (2, [0, 1, 2]));
    assert_eq!(maintain(&store), 0);
    drop(store);
    let store = open();
    assert_eq!(
        (maintain(&store), seen(&store)),
        (0, [0, 1, 2]),
        "and so after a restart"
    );
    append(&store, vec![low(4, 7)]);
    store.flush().expect("the disk takes it");
    clock.advance_ms(2 * 3_600_000);
    assert_eq!(maintain(&store), 1);
    assert_eq!(store.stats().parts, 1, "a part of nothing else goes as a whole");
}
