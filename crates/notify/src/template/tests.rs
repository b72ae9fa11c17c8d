//! What templates print, what they say when they fail, and that they never panic.

use std::path::Path;

use proptest::prelude::*;
use skopos_alertmanager::{Notification, NotificationReason, NotifiedAlert};
use skopos_core::Labels;

use super::*;

const EXTERNAL_URL: &str = "http://skopos.example:9090";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

fn alert(pairs: &[(&str, &str)], summary: &str, ends_at_ms: Option<i64>) -> NotifiedAlert {
    NotifiedAlert {
        labels: labels(pairs),
        annotations: vec![("summary".to_owned(), summary.to_owned())].into(),
        starts_at_ms: 1_700_000_000_500,
        ends_at_ms,
        generator_url: "http://p/graph?g0.expr=up&g0.tab=1".into(),
        fingerprint: 0xab,
    }
}

fn notification(alerts: Vec<NotifiedAlert>) -> Notification {
    Notification {
        receiver: "team-x/pager.1".to_owned(),
        integration: 0,
        group_key: "{}:{alertname=\"Down\"}".to_owned(),
        group_labels: labels(&[("alertname", "Down"), ("cluster", "eu")]),
        route_labels: vec![("team".to_owned(), "x".to_owned())],
        alerts,
        reason: NotificationReason::FirstNotification,
        now_ms: 1_700_000_060_500,
        deadline_ms: 1_700_000_360_500,
        receiver_data: Vec::new(),
    }
}

fn two_alerts() -> Notification {
    notification(vec![
        alert(
            &[
                ("alertname", "Down"),
                ("cluster", "eu"),
                ("instance", "a"),
                ("severity", "critical"),
            ],
            "a is down",
            None,
        ),
        alert(
            &[
                ("alertname", "Down"),
                ("cluster", "eu"),
                ("instance", "b"),
                ("severity", "critical"),
            ],
            "b is <down>",
            Some(1_700_000_050_000),
        ),
    ])
}

fn run_on(notification: &Notification, template: &str) -> String {
    let templates = Templates::built_in();
    let rendering = Rendering::new(&templates, notification, EXTERNAL_URL);
    match rendering.text("title", template) {
        Ok(text) => text,
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(template: &str, expect: &str) {
    assert_eq!(run_on(&two_alerts(), template), expect, "{template}");
}

#[test]
fn the_subject_is_alertmanagers() {
    let subject = "{{ template \"__subject\" . }}";
    check(subject, "[FIRING:1] Down eu (critical)");
    let mut one = two_alerts();
    one.alerts.remove(0);
    assert_eq!(run_on(&one, subject), "[RESOLVED] Down eu (b critical)");
    one.alerts[0].labels = labels(&[("alertname", "Down"), ("cluster", "eu")]);
    assert_eq!(run_on(&one, subject), "[RESOLVED] Down eu ");
}

#[test]
fn short_defaults() {
    check(
        "{{ template \"__alertmanagerURL\" . }}",
        "http://skopos.example:9090/#/alerts?receiver=team-x%2Fpager%5C.1",
    );
    check(
        "{{ template \"slack.default.fallback\" . }}|{{ template \"slack.default.color\" . }}",
        "[FIRING:1] Down eu (critical) | http://skopos.example:9090/#/alerts?receiver=team-x%2Fpager%5C.1|danger",
    );
    check("{{ template \"jira.default.priority\" . }}", "High");
    check(
        "{{ template \"__text_alert_list\" .Alerts.Firing }}",
        "Labels:\n - alertname = Down\n - cluster = eu\n - instance = a\n - severity = critical\nAnnotations:\n - summary = a is down\nSource: http://p/graph?g0.expr=up&g0.tab=1\n",
    );
}

#[test]
fn data() {
    check(
        "{{ .Receiver }} {{ .Status }} {{ .NotificationReason }} {{ .ExternalURL }}",
        "team-x/pager\\.1 firing first notification http://skopos.example:9090",
    );
    check(
        "{{ .CommonLabels }}|{{ .GroupLabels.Names }}|{{ .RouteLabels.team }}",
        "alertname=Down, cluster=eu, severity=critical|[alertname cluster]|x",
    );
    check(
        "{{ .CommonLabels.nope }}|{{ len .CommonAnnotations }}|{{ .CommonAnnotations.summary }}",
        "|0|",
    );
    check(
        "{{ range .Alerts }}{{ .Labels.instance }}={{ .Status }} {{ end }}",
        "a=firing b=resolved ",
    );
    check(
        "{{ (.CommonLabels.Remove .GroupLabels.Names).Values.Join \",\" }}",
        "critical",
    );
    check(
        "{{ range .CommonLabels.SortedPairs }}{{ .Name }}:{{ .Value }};{{ end }}",
        "alertname:Down;cluster:eu;severity:critical;",
    );
    check(
        "{{ with index .Alerts 0 }}{{ .Fingerprint }} {{ .StartsAt.Format \"15:04:05.000\" }} {{ .EndsAt }}{{ end }}",
        "00000000000000ab 22:13:20.500 0001-01-01 00:00:00 +0000 UTC",
    );
    check("{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }}", "49.5s");
}

#[test]
fn functions() {
    check(
        "{{ toUpper \"a\" }}{{ toLower \"B\" }} {{ title \"big world\" }} {{ trimSpace \" x \" }}",
        "Ab Big World x",
    );
    check(
        "{{ join \"-\" (stringSlice \"a\" \"b\") }} {{ match \"^a.c$\" \"abc\" }} {{ reReplaceAll \"(.)b\" \"$1-\" \"abab\" }}",
        "a-b true a-a-",
    );
    check(
        "{{ date \"2006-01-02\" (tz \"Asia/Tokyo\" (index .Alerts 0).StartsAt) }} {{ since (index .Alerts 0).StartsAt | humanizeDuration }}",
        "2023-11-15 1m 0s",
    );
    check(
        "{{ (now).Unix }} {{ (toDate \"2006-01-02\" \"2020-02-03\").Year }} {{ (toDate \"2006\" \"x\").IsZero }}",
        "1700000060 2020 true",
    );
    check(
        "{{ base64encode \"a?~\" }} {{ base64decode \"YT9-\" }} {{ urlUnescape \"a%20b+c\" }}",
        "YT9- a?~ a b c",
    );
    check(
        "{{ $d := dict \"a\" 1 \"b\" (list 1 \"x\") }}{{ $d.a }}{{ $d.b }}{{ append $d.b 2 | len }} {{ $d | toJson }}",
        "1[1 x]3 {\"a\":1,\"b\":[1,\"x\"]}",
    );
    check("{{ routeLabels \"team\" }}{{ routeLabels \"nope\" }}", "x");
    check(
        "{{ (index .Alerts 0) | toJson }}",
        "{\"status\":\"firing\",\"labels\":{\"alertname\":\"Down\",\"cluster\":\"eu\",\"instance\":\"a\",\"severity\":\"critical\"},\"annotations\":{\"summary\":\"a is down\"},\"startsAt\":\"2023-11-14T22:13:20.5Z\",\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://p/graph?g0.expr=up&g0.tab=1\",\"fingerprint\":\"00000000000000ab\"}",
    );
}

#[test]
fn errors_say_where() {
    check(
        "{{ template \"nope\" . }}",
        "title: template: :1:12: executing \"\" at <{{template \"nope\" .}}>: template \"nope\" not defined",
    );
    check(
        "{{ .Nope }}",
        "title: template: :1:3: executing \"\" at <.Nope>: can't evaluate field Nope in type *template.Data",
    );
    check("{{ nope }}", "title: template: :1: function \"nope\" not defined");
    check(
        "{{ mustToDate \"2006\" \"x\" }}",
        "title: template: :1:3: executing \"\" at <mustToDate \"2006\" \"x\">: error calling mustToDate: parsing time \"x\" as \"2006\": cannot parse",
    );
    check(
        "{{ reReplaceAll \"(\" \"\" \"\" }}",
        "title: template: :1:3: executing \"\" at <reReplaceAll \"(\" \"\" \"\">: error calling reReplaceAll: error parsing regexp: unclosed group: `(`",
    );
    check(
        "{{ urlUnescape \"%zz\" }}",
        "title: template: :1:3: executing \"\" at <urlUnescape \"%zz\">: error calling urlUnescape: invalid URL escape \"%zz\"",
    );
}

#[test]
fn files_override_and_are_named_in_errors() {
    let mut templates = Templates::built_in();
    templates
        .add(Path::new("/etc/t/a.tmpl"), "{{ define \"__subject\" }}mine{{ end }}")
        .expect("it parses");
    let notification = two_alerts();
    let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
    assert_eq!(
        rendering
            .text("x", "{{ template \"slack.default.title\" . }}")
            .expect("it runs"),
        "mine"
    );
    let error = templates
        .add(Path::new("/etc/t/b.tmpl"), "\n{{ end }}")
        .expect_err("it does not parse");
    assert_eq!(
        error.to_string(),
        "/etc/t/b.tmpl:2: template: b.tmpl:2: unexpected {{end}}"
    );
}

#[test]
fn patterns_find_files_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("2.tmpl", "two"), ("1.tmpl", "one"), ("3.txt", "three")] {
        let text = format!("{{{{ define \"x\" }}}}{text}{{{{ end }}}}");
        std::fs::write(folder.path().join(name), text).expect("it is written");
    }
    let pattern = |end: &str| folder.path().join(end).display().to_string();
    let templates = Templates::load(&[pattern("*.tmpl"), pattern("none*")]).expect("they load");
    let notification = two_alerts();
    let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
    assert_eq!(rendering.text("x", "{{ template \"x\" . }}").expect("it runs"), "two");
    let error = Templates::load(&["[".to_owned()]).expect_err("a broken pattern");
    assert!(error.to_string().starts_with("templates: \"[\":"), "{error}");
}

#[test]
fn every_default_runs() {
    let templates = Templates::built_in();
    let notification = two_alerts();
    let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
    let mut count = 0;
    for name in templates.names().filter(|name| name.contains(".default.")) {
        let data = if name == "pagerduty.default.instances" {
            ".Alerts.Firing"
        } else {
            "."
        };
        let call = format!("{{{{ template \"{name}\" {data} }}}}");
        rendering.text(name, &call).expect("a default runs as text");
        rendering.html(name, &call).expect("a default runs as HTML");
        count += 1;
    }
    assert!(count >= 55, "{count}");
}

#[test]
fn mail_is_escaped() {
    let templates = Templates::built_in();
    let notification = two_alerts();
    let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
    let html = rendering
        .html("html", "{{ template \"email.default.html\" . }}")
        .expect("it runs");
    assert!(html.contains("b is &lt;down&gt;") && !html.contains("<down>"), "{html}");
    assert!(
        html.contains("href=\"http://p/graph?g0.expr=up&amp;g0.tab=1\""),
        "{html}"
    );
    assert!(
        html.contains("href=\"http://skopos.example:9090/#/alerts?receiver=team-x%2Fpager%5C.1\""),
        "{html}"
    );
    assert!(html.contains("color: #b42318;\">Firing (1)"), "{html}");
    assert!(html.contains("<title>[FIRING:1] Down eu (critical)</title>"), "{html}");
    assert!(!html.contains("ZgotmplZ"), "{html}");
}

#[test]
fn free_form_values_get_types() {
    let templates = Templates::built_in();
    let notification = two_alerts();
    let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
    let value = serde_json::json!({
        "n": "{{ len .Alerts }}",
        "list": ["{{ .Status }}", 7],
        "{{ .Status }}": "{{ .CommonLabels | toJson }}",
        "text": "a: b: c",
    });
    let rendered = rendering.free_form("payload", &value).expect("it renders");
    let expect = "{\"n\":2,\"list\":[\"firing\",7],\"firing\":{\"alertname\":\"Down\",\"cluster\":\"eu\",\"severity\":\"critical\"},\"text\":\"a: b: c\"}";
    assert_eq!(rendered.to_string(), expect);
    let broken = serde_json::json!({ "a": { "b": "{{ .Nope }}" } });
    let error = rendering.free_form("payload", &broken).expect_err("it fails");
    assert!(error.to_string().starts_with("payload.a.b: template: :1:3"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rendering_never_panics(
        pairs in proptest::collection::btree_map(".{0,12}", ".{0,40}", 0..6),
        annotation in ".{0,200}",
        receiver in ".{0,20}",
        starts_at_ms in any::<i64>(),
        ends_at_ms in any::<Option<i64>>(),
    ) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut one = alert(&pairs, &annotation, ends_at_ms);
        one.starts_at_ms = starts_at_ms;
        let mut notification = notification(vec![one]);
        notification.receiver = receiver;
        let templates = Templates::built_in();
        let rendering = Rendering::new(&templates, &notification, EXTERNAL_URL);
        for name in ["__subject", "email.default.html", "msteams.default.text", "opsgenie.default.description"] {
            let call = format!("{{{{ template \"{name}\" . }}}}{{{{ . | toJson }}}}");
            prop_assert!(rendering.text(name, &call).is_ok());
            let html = rendering.html(name, &call).expect("it renders as HTML");
            prop_assert!(!html.contains("<script"));
        }
    }
}
