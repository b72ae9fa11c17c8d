//! Prometheus' template functions.

use super::*;

fn run(text: &str, value: f64) -> String {
    let sample = RuleSample {
        labels: Labels::from_pairs([("instance", "a.b.c:9090"), ("job", "api")]),
        value: MetricValue::Float(value),
    };
    let query = |expr: &str| match expr {
        "boom" => Err("no such thing".to_owned()),
        "none" => Ok(Vec::new()),
        _ => Ok(["z", "a"]
            .iter()
            .enumerate()
            .map(|(i, job)| RuleSample {
                labels: Labels::from_pairs([("__name__", "up"), ("job", job)]),
                value: MetricValue::Float(i as f64 + 0.5),
            })
            .collect()),
    };
    let context = ExpandContext {
        query: &query,
        now_ms: 1_433_861_539_123,
        external_labels: &Labels::from_pairs([("cluster", "x")]),
        external_url: "http://skopos.example/base",
    };
    let expander = Expander::parse("A", text).expect("the template is valid");
    expander.expand_or_error(&sample, &context)
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(run(text, 1.5), expect, "{text}");
}

#[test]
fn variables_of_alerts() {
    check("no template", "no template");
    check(
        "{{ $labels.job }} {{ $labels.nope }}|{{ $value }}|{{ $externalLabels.cluster }}",
        "api |1.5|x",
    );
    check(
        "{{ .Labels.instance }} {{ .Value }} {{ .ExternalURL }}",
        "a.b.c:9090 1.5 http://skopos.example/base",
    );
    check("{{ externalURL }}{{ pathPrefix }}", "http://skopos.example/base/base");
    check(
        "{{ printf \"%.0f\" $value }}{{ with $labels }}{{ .job }}{{ end }}",
        "2api",
    );
    assert_eq!(run("{{ $value }}", 1_234_567.0), "1.234567e+06");
}

#[test]
fn humanized_numbers() {
    for (value, expect) in [
        (0.0, "0 0 0s"),
        (1.0, "1 1 1s"),
        (1_234_567.0, "1.235M 1.177Mi 14d 6h 56m 7s"),
        (0.12, "120m 0.12 120ms"),
        (-61.0, "-61 -61 -1m 1s"),
        (3600.0, "3.6k 3.516ki 1h 0m 0s"),
        (899.99, "900 900 14m 59s"),
        (f64::INFINITY, "+Inf +Inf +Inf"),
        (f64::NAN, "NaN NaN NaN"),
    ] {
        let text = "{{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }}";
        assert_eq!(run(text, value), expect, "{value}");
    }
    check(
        "{{ humanizePercentage 0.1234567 }} {{ \"0.5\" | humanizePercentage }}",
        "12.35% 50%",
    );
    check(
        "{{ humanizeTimestamp 1435065584.128 }}",
        "2015-06-23 13:19:44.128 +0000 UTC",
    );
    check(
        "{{ humanize \"x\" }}",
        "<error expanding template: template: __alert_A:1:115: executing \"__alert_A\" at <humanize \"x\">: error calling humanize: strconv.ParseFloat: parsing \"x\": invalid syntax>",
    );
}

#[test]
fn queries() {
    check("{{ query \"up\" | first | value }}", "0.5");
    check(
        "{{ range query \"up\" }}{{ .Labels.job }}={{ .Value }};{{ end }}",
        "z=0.5;a=1.5;",
    );
    check(
        "{{ range query \"up\" | sortByLabel \"job\" }}{{ . | label \"job\" }}{{ end }}",
        "az",
    );
    check("{{ with query \"up\" }}{{ . | first | label \"job\" }}{{ end }}", "z");
    check("{{ if query \"none\" }}x{{ else }}y{{ end }}", "y");
    assert!(run("{{ query \"none\" | first }}", 1.0).contains("first() called on vector with no elements"));
    assert!(run("{{ query \"boom\" }}", 1.0).contains("error calling query: no such thing"));
}

#[test]
fn texts() {
    check(
        "{{ title \"hello big world\" }} {{ toUpper \"a\" }} {{ toLower \"B\" }}",
        "Hello Big World A b",
    );
    check("{{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }}", "a.b.c");
    check("{{ if match \"a.*\" \"abc\" }}yes{{ end }}", "yes");
    check(
        "{{ stripPort \"a:1\" }} {{ stripPort \"[::1]:1\" }} {{ stripPort \"a\" }}",
        "a ::1 a",
    );
    check(
        "{{ stripDomain \"a.b.c:1\" }} {{ stripDomain \"10.1.2.3:1\" }} {{ stripDomain \"a.b\" }}",
        "a:1 10.1.2.3:1 a",
    );
    check("{{ graphLink \"up == 0\" }}", "/graph?g0.expr=up+%3D%3D+0&g0.tab=0");
    check(
        "{{ tableLink \"up\" }}{{ urlQueryEscape \"a b\" }}",
        "/graph?g0.expr=up&g0.tab=1a+b",
    );
    check(
        "{{ parseDuration \"1h30m\" }} {{ toDuration 90 }} {{ (toTime 0).Year }}",
        "5400 1m30s 1970",
    );
    check(
        "{{ define \"x\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"x\" (args 1 \"b\") }}",
        "1-b",
    );
    check("{{ now }} {{ safeHtml \"<b>\" }}", "1.433861539123e+09 <b>");
}
