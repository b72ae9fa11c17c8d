//! Dead and living selectors of rules and dashboards over series in memory.

use skopos_rules::memory::MemoryStore;
use skopos_rules::parse_rule_file;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;
const MINUTE_MS: i64 = 60_000;

/// A store whose series have a sample so many minutes before now.
fn store(series: &[(&str, i64)]) -> MemoryStore {
    let store = MemoryStore::new();
    for (selector, minutes_ago) in series {
        let matchers = skopos_promql::parse_metric_selector(selector).expect("the series parses");
        let pairs = matchers.iter().map(|matcher| (matcher.name(), matcher.value()));
        store.put(
            &skopos_core::Labels::from_pairs(pairs),
            NOW_MS - minutes_ago * MINUTE_MS,
            1.0,
        );
    }
    store
}

fn rules(rules: &[(&str, &str)]) -> Vec<RuleFile> {
    let mut lines = String::new();
    for (name, expr) in rules {
        let kind = if name.contains(':') { "record" } else { "alert" };
        lines.push_str("\n  - ");
        lines.push_str(&[kind, ": ", name, "\n    expr: ", &format!("{expr:?}")].concat());
    }
    let text = format!("groups:\n- name: g\n  rules:{lines}\n");
    vec![parse_rule_file(&text, "r.yml").unwrap_or_else(|error| panic!("{error}"))]
}

fn dashboards(panels: &str, variables: &str) -> (DashboardStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        format!(r#"{{"title": "D", "uid": "d", "panels": [{panels}], "templating": {{"list": [{variables}]}}}}"#);
    std::fs::write(folder.path().join("d.json"), text).expect("it is written");
    let (store, problems) = DashboardStore::load(&[("f".to_owned(), folder.path().to_owned())]);
    assert!(problems.is_empty(), "{problems:?}");
    (store, folder)
}

fn report(store: &MemoryStore, rules: &[RuleFile], dashboards: &DashboardStore, recent: &[&str]) -> DeadReport {
    let recent_queries: Vec<String> = recent.iter().map(|query| (*query).to_owned()).collect();
    let input = DeadInput {
        rules,
        dashboards,
        recent_queries: &recent_queries,
        source: store,
        now_ms: NOW_MS,
    };
    dead_report(&input, &DeadOptions::default(), &QueryBudget::unbounded()).expect("the store answers")
}

fn of_rules(store: &MemoryStore, all: &[(&str, &str)]) -> Vec<DeadRule> {
    report(store, &rules(all), &DashboardStore::default(), &[]).rules
}

/// The dead selector of one expression: why, the nearest names, and how many minutes ago it last matched.
#[track_caller]
fn check(store: &MemoryStore, expr: &str, expect: Option<(&str, &[&str], Option<i64>)>) {
    let found = of_rules(store, &[("A", expr)]);
    let shown: Vec<_> = found
        .iter()
        .map(|dead| {
            let selector = &dead.selector;
            let nearest: Vec<&str> = selector.nearest.iter().map(String::as_str).collect();
            let age = selector.last_seen_ms.map(|at_ms| (NOW_MS - at_ms) / MINUTE_MS);
            (selector.why.as_str(), nearest, age)
        })
        .collect();
    let expect: Vec<_> = expect
        .into_iter()
        .map(|(why, nearest, age)| (why, nearest.to_vec(), age))
        .collect();
    assert_eq!(shown, expect, "{expr}");
}

fn gateways() -> MemoryStore {
    store(&[
        (r#"http_requests_total{job="gateway",status="200"}"#, 0),
        (r#"http_requests_total{job="worker",status="500"}"#, 0),
        (r#"http_request_duration_seconds_bucket{job="gateway",le="1"}"#, 0),
        (r#"old_total{job="gateway"}"#, 3 * 24 * 60),
        (r#"up{job="gateway"}"#, 0),
    ])
}

#[test]
fn what_is_to_blame_is_named_with_what_is_nearest() {
    let store = gateways();
    check(&store, "rate(http_requests_total[5m]) > 1", None);
    check(
        &store,
        "rate(http_request_total[5m]) > 1",
        Some(("no metric is named http_request_total", &["http_requests_total"], None)),
    );
    check(
        &store,
        r#"up{job="gatway"} == 0"#,
        Some((
            r#"series of up exist, but none has job="gatway""#,
            &[r#"job="gateway""#],
            None,
        )),
    );
    check(
        &store,
        r#"http_requests_total{jbo="gateway"}"#,
        Some((
            "series of http_requests_total exist, but none has the label jbo",
            &["job"],
            None,
        )),
    );
    check(
        &store,
        r#"http_requests_total{job="gateway",status="500"}"#,
        Some((
            r#"series of http_requests_total exist, but none has job="gateway", status="500" together"#,
            &[r#"job="worker""#, r#"status="200""#],
            None,
        )),
    );
    check(
        &store,
        r#"http_requests_total{job="gatway",status="20"}"#,
        Some((
            r#"series of http_requests_total exist, but none has job="gatway""#,
            &[r#"job="gateway""#],
            None,
        )),
    );
    check(
        &store,
        r#"http_requests_total{job=~"gat(e)?way-.*"}"#,
        Some((
            r#"series of http_requests_total exist, but none has job=~"gat(e)?way-.*""#,
            &[r#"job="gateway""#],
            None,
        )),
    );
}

#[test]
fn the_last_sample_is_found() {
    let store = gateways();
    let nearest: &[&str] = &[];
    check(
        &store,
        "old_total > 1",
        Some(("no metric is named old_total", nearest, Some(3 * 24 * 60))),
    );
    // A range that reaches that far back still finds it.
    check(&store, "increase(old_total[4d]) > 1", None);
    check(&store, "old_total offset 3d", None);
    let old = super::tests::store(&[("ancient", 40 * 24 * 60)]);
    check(&old, "ancient", Some(("no metric is named ancient", nearest, None)));
}

#[test]
fn what_may_be_absent_is_not_dead() {
    let store = gateways();
    check(&store, "absent(http_request_total)", None);
    check(&store, r#"ALERTS{alertname="B"} == 1"#, None);
    check(&store, "up @ 1000", None);
    let found = of_rules(&store, &[("A", "up or upp"), ("B", "up unless maintenance")]);
    let roles: Vec<_> = found
        .iter()
        .map(|dead| (dead.rule.as_str(), dead.selector.role))
        .collect();
    assert_eq!(roles, [("A", Role::Alternative), ("B", Role::Exclusion)]);
    assert_eq!(found[0].line, 4);
}

#[test]
fn recorded_series_live_as_long_as_their_sources() {
    let store = gateways();
    let dead = |all: &[(&str, &str)]| -> Vec<String> {
        let found = of_rules(&store, all);
        found
            .into_iter()
            .map(|dead| format!("{} {}", dead.rule, dead.selector.selector))
            .collect()
    };
    let none: &[&str] = &[];
    assert_eq!(dead(&[("a:b", "sum by (job) (up) > 5"), ("A", "a:b > 1")]), none);
    assert_eq!(
        dead(&[("a:b", "sum by (job) (upp)"), ("A", "a:b > 1")]),
        ["a:b upp", "A a:b"]
    );
    assert_eq!(dead(&[("a:b", "upp or vector(0)"), ("A", "a:b > 1")]), ["a:b upp"]);
    assert_eq!(dead(&[("a:b", "c:d"), ("c:d", "up"), ("A", "a:b > 1")]), none);
    // What the recording rule takes away is not there.
    assert_eq!(
        dead(&[("a:b", "sum by (job) (up)"), ("A", r#"a:b{instance="x"}"#)]),
        [r#"A a:b{instance="x"}"#]
    );
    // Rules that record each other make nothing.
    assert_eq!(dead(&[("a:b", "c:d"), ("c:d", "a:b")]), ["a:b c:d", "c:d a:b"]);
}

#[test]
fn panels_are_judged_without_their_variables() {
    let store = gateways();
    let panels = r#"
        {"id": 7, "title": "Rate", "type": "timeseries", "targets": [
            {"expr": "rate(http_requests_total{job=~\"$job\", status=\"418\"}[$__rate_interval])"},
            {"expr": "rate(http_requests_total{job=~\"${job:regex}\"}[$__rate_interval])"},
            {"expr": "topk($n, http_requests{job=\"$job\"})"},
            {"expr": "$metric"}]}"#;
    let variables = r#"
        {"type": "query", "name": "job", "query": "label_values(up{env=\"prod\"}, job)"},
        {"type": "query", "name": "other", "query": "label_values(job)"}"#;
    let (dashboards, _folder) = dashboards(panels, variables);
    let report = report(&store, &[], &dashboards, &[]);
    let shown: Vec<_> = report
        .panels
        .iter()
        .map(|dead| {
            (
                dead.panel_id,
                dead.panel.as_str(),
                dead.selector.selector.as_str(),
                dead.selector.cause,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                Some(7),
                "Rate",
                r#"http_requests_total{job=~"$job", status="418"}"#,
                Cause::Value
            ),
            (Some(7), "Rate", r#"http_requests{job="$job"}"#, Cause::Metric),
            (None, r#"variable "job""#, r#"up{env="prod"}"#, Cause::Label),
        ]
    );
    assert_eq!(report.judged.unknown, 1);
    assert_eq!(report.panels[0].uid, "d");
}

#[test]
fn unread_metrics_are_listed_by_size() {
    let store = store(&[
        (r#"a_total{job="x",i="1"}"#, 0),
        (r#"a_total{job="y",i="2"}"#, 0),
        (r#"b_total{job="x"}"#, 0),
        (r#"c_bucket{job="x",le="1"}"#, 0),
        (r#"c_sum{job="x"}"#, 0),
        (r#"d_one{job="x"}"#, 0),
        (r#"e_total{job="z"}"#, 0),
        (r#"f_total{job="x"}"#, 0),
        (r#"gone_total{job="x"}"#, 60),
        (r#"scrape_samples_scraped{job="x"}"#, 0),
    ]);
    let text = "groups: [{name: g, rules: [{alert: A, expr: 'histogram_quantile(0.9, c_bucket) > 1', \
                annotations: {summary: '{{ query \"f_total\" | first }}'}}]}]";
    let rules = vec![parse_rule_file(text, "r.yml").expect("the file is valid")];
    let recent = [
        r#"{__name__=~"d_.*"}"#,
        r#"sum({job="z"})"#,
        r#"count({__name__=~".+"})"#,
    ];
    let report = report(&store, &rules, &DashboardStore::default(), &recent);
    let shown: Vec<_> = report
        .unread
        .iter()
        .map(|unread| (unread.metric.as_str(), unread.series, unread.job.as_str()))
        .collect();
    assert_eq!(shown, [("a_total", 2, "x, y"), ("b_total", 1, "x")]);
    assert_eq!(report.unread_total, 2);
}

#[test]
fn field_names_are_those_of_the_api() {
    let found = of_rules(&gateways(), &[("A", "upp")]);
    let json = serde_json::to_value(&found[0]).expect("it is plain data");
    let keys: Vec<&str> = json
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "file",
            "group",
            "rule",
            "line",
            "selector",
            "role",
            "cause",
            "why",
            "lastSeenMs",
            "nearest"
        ]
    );
    let back: DeadRule = serde_json::from_value(json).expect("it reads back");
    assert_eq!(back, found[0]);
}
