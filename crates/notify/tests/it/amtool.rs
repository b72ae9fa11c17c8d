//! The same templates through the real `amtool template render`, where it is installed.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use skopos_alertmanager::{Notification, NotifiedAlert};
use skopos_notify::{Rendering, Templates};

use crate::bench::{firing, resolved};

/// The defaults of the release that the distribution packages.
const DEFAULTS: &str = "/usr/share/prometheus/alertmanager/default.tmpl";

/// Templates of a user.
const USER: &str = r#"{{ define "u.list" }}{{ range $i, $a := .Alerts }}{{ if $i }}, {{ end }}{{ $a.Labels.alertname | toLower }}{{ end }}{{ end }}
{{ define "u.block" }}{{ block "u.inner" .CommonLabels }}<{{ .severity }}>{{ end }}{{ end }}
{{ define "u.vars" }}{{ $n := 0 }}{{ range .Alerts.Firing }}{{ $n = len .Labels }}{{ end }}{{ $n }}{{ end }}
{{ define "u.html" }}<a href="{{ .ExternalURL }}?x={{ .CommonAnnotations.summary }}" title='{{ .CommonAnnotations.summary }}'>{{ .CommonAnnotations.summary }}</a><!-- gone -->{{ end }}
"#;

const TEXTS: &[&str] = &[
    "{{ template \"__subject\" . }}|",
    "{{ template \"__alertmanagerURL\" . }}",
    "{{ template \"slack.default.fallback\" . }}",
    "{{ template \"slack.default.username\" . }}{{ template \"slack.default.footer\" . }}",
    "{{ template \"pagerduty.default.description\" . }}{{ template \"pagerduty.default.clientURL\" . }}",
    "{{ template \"__text_alert_list\" .Alerts }}",
    "{{ template \"pushover.default.title\" . }}{{ template \"victorops.default.monitoring_tool\" . }}",
    "{{ template \"u.list\" . }} {{ template \"u.block\" . }} {{ template \"u.vars\" . }}",
    "{{ .GroupLabels.Names }} {{ .Status }} {{ title \"big HTTP o'neil x-ray\" }}",
    "{{ (index .Alerts 0).Labels.missing }}{{ (.CommonLabels.Remove (stringSlice \"severity\")).Names }}",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name | title }}={{ .Value | toUpper | printf \"%q\" }} {{ end }}",
    "{{ reReplaceAll \"(.)o\" \"${1}0\" .CommonLabels.alertname }}{{ if match \"^D\" .CommonLabels.alertname }}yes{{ else }}no{{ end }}",
    "{{ with .CommonAnnotations.nothing }}x{{ else }}none{{ end }} {{ and 1 0 }} {{ or \"\" \"b\" }} {{ not true }} {{ len .Alerts }}",
    "{{- /* trimmed */ -}}  a  {{- \" b \" -}}  c {{ printf \"%5.2f|%-4s|%04d|%v\" 1.5 \"x\" 7 true }}",
];

fn run(notification: &Notification, folder: &Path, text: &str, kind: &str) -> (String, String) {
    let alerts: Vec<_> = notification.alerts.iter().map(as_json).collect();
    let labels = json!({ "alertname": "Down", "severity": "critical" });
    let is_firing = notification.alerts[0].ends_at_ms.is_none();
    let data = json!({
        "receiver": "r",
        "status": if is_firing { "firing" } else { "resolved" },
        "alerts": alerts,
        "groupLabels": { "alertname": "Down" },
        "commonLabels": labels,
        "commonAnnotations": { "summary": "It is <down>" },
        "externalURL": "http://am",
    });
    let (data_path, user) = (folder.join("data.json"), folder.join("user.tmpl"));
    std::fs::write(&data_path, data.to_string()).expect("it is written");
    std::fs::write(&user, USER).expect("it is written");
    let output = Command::new("amtool")
        .args(["template", "render", "--template.glob", DEFAULTS])
        .arg("--template.glob")
        .arg(&user)
        .arg("--template.data")
        .arg(&data_path)
        .args(["--template.type", kind, "--template.text", text])
        .output()
        .expect("amtool is installed");
    assert!(
        output.status.success(),
        "{text}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let theirs = String::from_utf8(output.stdout).expect("UTF-8");
    let mut templates = Templates::built_in();
    templates.add(&user, USER).expect("it parses");
    let rendering = Rendering::new(&templates, notification, "http://am");
    let ours = match kind {
        "html" => rendering.html("text", text),
        _ => rendering.text("text", text),
    };
    (
        theirs.trim_end_matches('\n').to_owned(),
        ours.expect("it runs").trim_end_matches('\n').to_owned(),
    )
}

fn as_json(alert: &NotifiedAlert) -> serde_json::Value {
    let is_firing = alert.ends_at_ms.is_none();
    json!({
        "status": if is_firing { "firing" } else { "resolved" },
        "labels": { "alertname": "Down", "severity": "critical" },
        "annotations": { "summary": "It is <down>" },
        "startsAt": "2023-11-14T22:13:20Z",
        "endsAt": if is_firing { "0001-01-01T00:00:00Z" } else { "2023-11-14T22:14:20Z" },
        "generatorURL": "http://p/g",
        "fingerprint": "00000000000000ab",
    })
}

#[test]
fn texts_are_the_same() {
    if !Path::new(DEFAULTS).exists() {
        // Other systems do not package Alertmanager; the unit tests hold the expected texts too.
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for notification in [firing(), resolved()] {
        for text in TEXTS {
            let (theirs, ours) = run(&notification, folder.path(), text, "text");
            assert_eq!(ours, theirs, "{text}");
        }
        for text in [
            "{{ template \"u.html\" . }}",
            "1 < 2 {{ .CommonAnnotations.summary }}",
            "<script>var x = {{ .Status }};</script>",
        ] {
            let (theirs, ours) = run(&notification, folder.path(), text, "html");
            assert_eq!(ours, theirs, "{text}");
        }
    }
}
