//! Faults that are found, and sound expressions in which none is.

use super::*;

fn found(query: &str) -> Option<String> {
    let expr = skopos_promql::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let fault = fault(query, &expr).or_else(|| join_fault(&expr, &[]));
    fault.map(|fault| fault.why)
}

#[test]
fn broken_expressions_are_told() {
    for (query, part) in [
        ("up > 1", "between 0 and 1"),
        ("x > 5 < 3", "never holds"),
        ("x > 5 and x < 3", "both conditions"),
        ("sum by (a) (x) > 5 and on (a) sum by (a) (x) < 3", "both conditions"),
        ("x > 5 unless x > 3", "takes away"),
        ("count(x) == 0", "1 or above"),
        ("avg(rate(x[5m])) < 0", "0 or above"),
        ("sum(x == 0) > 0", "always 0"),
        ("avg(up) > 2", "between 0 and 1"),
        ("hour() > 24 and on () x", "between 0 and 23"),
        (r#"sum(rate(e{c="5"}[5m])) / sum(rate(e[5m])) > 5"#, "between 0 and 1"),
        ("a / clamp_min(a + b, 1) > 25", ""),
        ("rate(a[5m]) / (rate(a[5m]) + rate(b[5m])) > 25", "between 0 and 1"),
        ("sum by (a) (x) / sum by (b) (y) > 1", "carries the label a"),
        (
            r#"x{s="a"} / x{s="b"} > 1"#,
            r#"label s is "a" on the left and "b" on the right"#,
        ),
        ("x * on (host) sum by (instance) (y) > 1", "`on` names the label host"),
        (r#"x{a="1",a="2"} > 0"#, "satisfies both"),
        (r#"x{a!~".*"} > 0"#, "matches every value"),
        (r#"absent(x{a="1",a!="1"})"#, "always fires"),
        ("histogram_quantile(99, rate(x_bucket[5m])) > 1", "always +Inf"),
        (
            "histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m]))) > 1",
            "needs the label le",
        ),
    ] {
        let why = found(query);
        if part.is_empty() {
            // A gauge may be negative: nothing is said.
            assert_eq!(why, None, "{query}");
            continue;
        }
        assert!(why.as_ref().is_some_and(|why| why.contains(part)), "{query}: {why:?}");
    }
}

#[test]
fn sound_expressions_are_left_alone() {
    for query in [
        "up == 0",
        "x > 3 < 5",
        "x > 5 and on () x < 3",
        "x > 3 unless x > 5",
        "count(x) >= 1",
        "count(up == 0) / count(up) > 0.5",
        r#"sum by (a) (rate(e{c="5"}[5m])) / sum by (a) (rate(e[5m])) > 0.5"#,
        "a / ignoring (s) b > 1",
        "sum by (a, b) (x) / on (a) group_left () sum by (a) (y) > 1",
        r#"x{s="a"} or x{s="b"}"#,
        "count(x) == 0 or y > 1",
        "1 - avg(rate(cpu[5m])) > 0.9",
        "vector(1)",
        "x unless on (job) sum by (job) (y)",
        r#"absent(up{job="a"})"#,
        "hour() > 8 and on () x > 1",
        "histogram_quantile(0.9, sum by (job, le) (rate(x_bucket[5m]))) > 1",
        "100 - (x / y) * 100 < 10",
    ] {
        assert_eq!(found(query), None, "{query}");
    }
}
