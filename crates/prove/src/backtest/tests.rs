//! Backtests beside the same rules evaluated step by step, and what is told of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use skopos_rules::memory::MemoryStore;
use skopos_rules::{AlertState, PromqlIo, RuleGroups, RuleOptions, parse_rule_file};

use super::*;

const START_MS: i64 = 1_700_000_000_000;
const STEP_MS: i64 = 30_000;

fn files(text: &str) -> Vec<RuleFile> {
    vec![parse_rule_file(text, "r.yml").unwrap_or_else(|error| panic!("{error}"))]
}

fn rule(expr: &str, more: &str) -> Vec<RuleFile> {
    files(&format!(
        "groups:\n- name: g\n  interval: 30s\n  rules:\n  - alert: A\n    expr: {expr:?}\n{more}"
    ))
}

fn put(store: &MemoryStore, name: &str, job: &str, values: impl IntoIterator<Item = Option<f64>>) {
    for (at, value) in values.into_iter().enumerate() {
        if let Some(value) = value {
            let labels = Labels::from_pairs([("__name__", name), ("job", job)]);
            store.put(&labels, START_MS + at as i64 * STEP_MS, value);
        }
    }
}

fn run(rules: &[RuleFile], store: &MemoryStore, options: &BacktestOptions, known: &[KnownIncident]) -> BacktestReport {
    let engine = Engine::default();
    let input = BacktestInput {
        rules,
        only: None,
        source: store,
        engine: &engine,
        incidents: known,
    };
    backtest(&input, options, &QueryBudget::unbounded(), &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn over(steps: i64) -> BacktestOptions {
    BacktestOptions::new(START_MS, START_MS + steps * STEP_MS)
}

/// Start and end of each firing, in steps.
fn spans(report: &BacktestReport) -> Vec<(i64, i64)> {
    let firings = report.rules.iter().flat_map(|rule| &rule.firings);
    firings
        .map(|firing| {
            (
                (firing.start_ms - START_MS) / STEP_MS,
                (firing.end_ms - START_MS) / STEP_MS,
            )
        })
        .collect()
}

type Spans = Vec<(BTreeMap<String, String>, i64, i64, bool)>;

/// What crate `rules` does when it evaluates the file at each step, recording rules and all.
fn step_by_step(rules: &[RuleFile], store: &MemoryStore, from_ms: i64, to_ms: i64) -> Spans {
    let engine = Engine::default();
    let io = PromqlIo {
        engine: &engine,
        source: store,
        sink: store,
        budget: Arc::new(QueryBudget::unbounded),
    };
    let groups = RuleGroups::new();
    groups
        .load(rules.to_vec(), RuleOptions::default(), from_ms, &io)
        .expect("the store takes everything");
    let handle = groups.handles().pop().expect("there is a group");
    let mut open: BTreeMap<Labels, i64> = BTreeMap::new();
    let mut found: Spans = Vec::new();
    let plain = |labels: &Labels| {
        labels
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let mut now_ms = from_ms;
    while now_ms <= to_ms {
        drop(handle.evaluate_at(now_ms, &io));
        let view = handle.view();
        let alerts = view.rules.iter().flat_map(skopos_rules::RuleView::alerts);
        let firing: Vec<&Labels> = alerts
            .filter(|alert| alert.state == AlertState::Firing)
            .map(|alert| &alert.labels)
            .collect();
        let ended: Vec<Labels> = open.keys().filter(|labels| !firing.contains(labels)).cloned().collect();
        for labels in ended {
            let start_ms = open.remove(&labels).unwrap_or_default();
            found.push((plain(&labels), start_ms, now_ms, false));
        }
        for labels in firing {
            open.entry(labels.clone()).or_insert(now_ms);
        }
        now_ms += STEP_MS;
    }
    found.extend(
        open.iter()
            .map(|(labels, start_ms)| (plain(labels), *start_ms, to_ms, true)),
    );
    found.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    found
}

fn replayed(report: &BacktestReport) -> Spans {
    let firings = report.rules.iter().flat_map(|rule| &rule.firings);
    let mut found: Spans = firings
        .map(|firing| (firing.labels.clone(), firing.start_ms, firing.end_ms, firing.ongoing))
        .collect();
    found.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    found
}

/// Expressions of every kind, over the series `m` and `n`.
const EXPRESSIONS: &[&str] = &[
    "m > 5",
    "5 < m",
    "m > 5 and on (job) n < 8",
    "m > 5 unless n > 6",
    "sum(m) by (job) / on (job) n > 1",
    "rate(m[2m]) > 0.05",
    "max_over_time(m[90s:30s]) >= 9",
    "absent(m{job=\"a\"})",
    "m offset 1m > 6",
    "count(m > 3) > 1",
    "m > 5 or n > 7",
    "m @ end() > 5",
    "m == bool 5 > 0",
    "m / n > 2",
    "r:m > 12",
    "max_over_time(r:m[2m]) > 14",
];

fn random_rule(expr: &str, for_steps: i64, keep_steps: i64, label: &str) -> Vec<RuleFile> {
    files(&format!(
        "groups:\n- name: g\n  interval: 30s\n  rules:\n  - record: r:m\n    expr: sum by (job) (m) + 3\n  - alert: A\n    \
         expr: {expr:?}\n    for: {}s\n    keep_firing_for: {}s\n    labels: {{kind: {label:?}}}\n    annotations: {{summary: s}}\n",
        for_steps * 30,
        keep_steps * 30,
    ))
}

fn values() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        3 => (0_u8..10).prop_map(|value| Some(f64::from(value))),
        1 => Just(None),
        1 => Just(Some(skopos_core::sample::STALE_NAN)),
        2 => Just(Some(9.0)),
    ];
    proptest::collection::vec(value, 40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The whole point: chunks of range queries give what evaluation at each step gives.
    #[test]
    fn the_same_as_step_by_step(
        a in values(),
        b in values(),
        n in values(),
        which in 0..EXPRESSIONS.len(),
        for_steps in 0_i64..5,
        keep_steps in 0_i64..4,
        by_value in any::<bool>(),
    ) {
        let store = MemoryStore::new();
        put(&store, "m", "a", a);
        put(&store, "m", "b", b);
        put(&store, "n", "a", n);
        let label = if by_value { "{{ if gt $value 7.0 }}high{{ else }}low{{ end }}" } else { "fixed" };
        let rules = random_rule(EXPRESSIONS[which], for_steps, keep_steps, label);
        let options = over(40);
        let found = run(&rules, &store, &options, &[]);
        let warm_up_ms = (for_steps + keep_steps) * STEP_MS;
        // Recorded series must not be there for the backtest, so that step by step runs last.
        let expect = step_by_step(&rules, &store, START_MS - warm_up_ms, options.to_ms);
        let expect: Spans = expect.into_iter().filter(|span| span.2 > START_MS || span.3).collect();
        prop_assert_eq!(replayed(&found), expect, "{}", EXPRESSIONS[which]);
    }

    /// Each value of a sweep gives what the rule with that value written into it gives.
    #[test]
    fn a_sweep_is_as_many_rules(a in values(), b in values(), threshold in 0_u8..10, for_steps in 0_i64..4) {
        let store = MemoryStore::new();
        put(&store, "m", "a", a);
        put(&store, "n", "a", b);
        for (template, is_swept) in [("m > T", true), ("T >= m", true), ("m > T and on (job) n < 8", true), ("m > n", false)] {
            let with = |number: &str| rule(&template.replace('T', number), "    for: 30s\n");
            let mut options = over(40);
            options.sweep.thresholds = vec![f64::from(threshold)];
            let swept = run(&with("5"), &store, &options, &[]);
            let written = run(&with(&threshold.to_string()), &store, &over(40), &[]);
            prop_assert_eq!(swept.sweep.len(), usize::from(is_swept), "{}", template);
            if let Some(row) = swept.sweep.first() {
                prop_assert_eq!((row.count, row.total_ms), (written.rules[0].count, written.rules[0].total_ms), "{}", template);
            }
            // The rule itself is not changed by the sweep.
            let plain = run(&with("5"), &store, &over(40), &[]);
            prop_assert_eq!(replayed(&swept), replayed(&plain));
        }
        let mut options = over(40);
        options.sweep.for_ms = vec![for_steps * STEP_MS];
        let swept = run(&rule("m > 5", "    for: 30s\n"), &store, &options, &[]);
        let written = run(&rule("m > 5", &format!("    for: {}s\n", for_steps * 30)), &store, &over(40), &[]);
        prop_assert_eq!(swept.sweep[0].count, written.rules[0].count);
        prop_assert_eq!(swept.sweep[0].total_ms, written.rules[0].total_ms);
    }
}

#[test]
fn firings_with_their_times() {
    let store = MemoryStore::new();
    let bad = |at: i64| (10..20).contains(&at) || at >= 30;
    put(
        &store,
        "m",
        "a",
        (0..41).map(|at| Some(if bad(at) { 9.0 } else { 1.0 })),
    );
    let rules = rule("m > 5", "    for: 1m\n    labels: {severity: page}\n");
    let report = run(&rules, &store, &over(40), &[]);
    assert_eq!(spans(&report), [(12, 20), (32, 40)]);
    let found = &report.rules[0];
    assert_eq!((found.count, found.total_ms), (2, 16 * STEP_MS));
    assert_eq!((found.firings[0].ongoing, found.firings[1].ongoing), (false, true));
    assert_eq!(found.firings[0].labels["severity"], "page");
    assert_eq!(found.firings[0].labels["alertname"], "A");
    // 22:13 UTC.
    assert_eq!(found.night_count, 2);
    let mut elsewhere = over(40);
    elsewhere.night.time_zone = "America/New_York".to_owned();
    assert_eq!(run(&rules, &store, &elsewhere, &[]).rules[0].night_count, 0);
}

#[test]
fn state_from_before_the_range_is_known() {
    let store = MemoryStore::new();
    put(&store, "m", "a", (0..41).map(|_| Some(9.0)));
    let mut options = over(40);
    options.from_ms = START_MS + 20 * STEP_MS;
    let report = run(&rule("m > 5", "    for: 2m\n"), &store, &options, &[]);
    assert_eq!(spans(&report), [(20, 40)]);
}

#[test]
fn incidents_on_record_are_compared() {
    let store = MemoryStore::new();
    put(
        &store,
        "m",
        "a",
        (0..201).map(|at| Some(if (100..110).contains(&at) { 9.0 } else { 1.0 })),
    );
    let at = |step: i64| START_MS + step * STEP_MS;
    let known = |start: i64, end: i64| KnownIncident {
        start_ms: at(start),
        end_ms: Some(at(end)),
        alertnames: vec!["A".to_owned()],
        ..KnownIncident::default()
    };
    let incidents = [known(95, 120), known(1, 3)];
    let report = run(&rule("m > 5", ""), &store, &over(200), &incidents);
    let expect = IncidentMatch {
        matched: 1,
        missed: 1,
        extra: 0,
    };
    assert_eq!(report.rules[0].incidents, expect);
}

#[test]
fn recorded_series_that_are_missing_are_evaluated_and_told() {
    let store = MemoryStore::new();
    put(&store, "m", "a", (0..41).map(|at| Some(f64::from(at))));
    let text = "groups:\n- name: g\n  interval: 30s\n  rules:\n  - {record: 'b:m', expr: 'a:m * 2', labels: {x: '1'}}\n  \
                - {record: 'a:m', expr: sum by (job) (m)}\n  - {alert: A, expr: 'b:m{x=\"1\"} > 60'}\n";
    let report = run(&files(text), &store, &over(40), &[]);
    assert_eq!(spans(&report), [(31, 40)]);
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
    assert!(report.notes[1].starts_with("b:m has no stored series"));
    // Stored series are taken as they are.
    let labels = Labels::from_pairs([("__name__", "b:m"), ("x", "1")]);
    store.put(&labels, START_MS, 100.0);
    let report = run(&files(text), &store, &over(40), &[]);
    assert_eq!(spans(&report), [(0, 10)]);
    assert!(report.notes.is_empty());
}

#[test]
fn chunks_shrink_until_they_fit_and_failures_are_counted() {
    let store = MemoryStore::new();
    put(
        &store,
        "m",
        "a",
        (0..401).map(|at| Some(if at % 100 < 50 { 9.0 } else { 1.0 })),
    );
    put(&store, "m", "b", (200..210).map(|_| Some(1.0)));
    let engine = Engine::default();
    let rules = rule("m > 5", "");
    let input = BacktestInput {
        rules: &rules,
        only: Some("A"),
        source: &store,
        engine: &engine,
        incidents: &[],
    };
    let small = QueryBudget::new(150, None);
    let mut seen = Vec::new();
    let report = backtest(&input, &over(400), &small, &mut |progress| {
        seen.push((progress.done, progress.total));
    });
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.rules[0].count, 5);
    assert!(seen.len() > 3 && seen.last() == Some(&(401, 401)), "{seen:?}");
    // Two series on one side of a join fail those steps only.
    let report = run(
        &rule("count(m) > 0 and on () (m * on () group_left () m) > 0", ""),
        &store,
        &over(400),
        &[],
    );
    let found = &report.rules[0];
    assert!(found.failures > 0 && found.failures < 401, "{}", found.failures);
    assert!(
        found
            .failure
            .as_ref()
            .is_some_and(|text| text.contains("many-to-many") || text.contains("duplicate"))
    );
}

#[test]
fn what_cannot_be_done_is_refused() {
    let store = MemoryStore::new();
    let engine = Engine::default();
    let rules = rule("m > 5", "");
    let try_with = |only: Option<&str>, change: &dyn Fn(&mut BacktestOptions), budget: QueryBudget| {
        let input = BacktestInput {
            rules: &rules,
            only,
            source: &store,
            engine: &engine,
            incidents: &[],
        };
        let mut options = over(400);
        change(&mut options);
        backtest(&input, &options, &budget, &mut |_| {})
            .err()
            .map(|error| (error.kind(), error.to_string()))
    };
    let free = QueryBudget::unbounded;
    let (kind, text) = try_with(Some("B"), &|_| {}, free()).expect("no such rule");
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(text.contains("\"B\""), "{text}");
    assert!(try_with(None, &|options| options.to_ms = 0, free()).is_some());
    assert!(try_with(None, &|options| options.step_ms = Some(0), free()).is_some());
    assert!(
        try_with(None, &|options| options.from_ms = 0, free()).is_some_and(|(_, text)| text.contains("longer step"))
    );
    assert!(try_with(None, &|options| options.night.from = 25, free()).is_some());
    assert!(try_with(None, &|options| options.sweep.thresholds = vec![f64::NAN], free()).is_some());
    let cancelled = free();
    cancelled
        .cancel_flag()
        .store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        try_with(None, &|_| {}, cancelled).map(|(kind, _)| kind),
        Some(ErrorKind::Cancelled)
    );
}
