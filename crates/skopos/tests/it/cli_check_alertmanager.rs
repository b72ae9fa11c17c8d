//! `skopos check alertmanager`: what is printed, and the exit codes; amtool gives the same receivers.

use std::process::Command;

use crate::cli_alerts::run;

const GOOD: &str = "templates: ['*.tmpl']
route:
  receiver: chat
  group_by: [alertname]
  routes:
  - matchers: [severity=page]
    receiver: pager
    continue: true
  - matchers: [team=web]
    receiver: web
receivers:
- name: chat
  webhook_configs: [{url: 'http://localhost:1/'}]
- name: pager
  pushover_configs: [{user_key: u, token: t, title: '{{ template \"mine\" . }}'}]
- name: web
";
const TEMPLATE: &str = "{{ define \"mine\" }}{{ .CommonLabels.alertname }}{{ end }}\n";

/// A folder with the configuration and its template; gives the configuration's path.
fn folder(config: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.tmpl"), TEMPLATE).expect("written");
    let path = folder.path().join("alertmanager.yml");
    std::fs::write(&path, config).expect("written");
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

#[test]
fn a_good_file_is_told_part_by_part() {
    let (_folder, path) = folder(GOOD);
    let checked = run(&["check", "alertmanager", &path]).fine();
    for words in [
        "SUCCESS",
        " - global config",
        " - route, with 2 below",
        " - 0 inhibit rules",
        " - 3 receivers",
        "pager: pushover[0]",
        "web: notifies nobody",
        " - 1 templates",
        "mine.tmpl",
    ] {
        assert!(checked.contains(words), "{words} is not in\n{checked}");
    }
    let json = run(&["check", "alertmanager", "--json", &path]).json();
    assert_eq!(
        (&json["files"][0]["ok"], &json["files"][0]["routes"]),
        (&true.into(), &3.into())
    );
    assert_eq!(json["findings"], serde_json::json!([]));
}

#[test]
fn findings_and_errors_name_their_place() {
    let odd = GOOD.replace(
        "    continue: true\n",
        "  - {matchers: [severity=page, team=db], receiver: web}\n",
    );
    let (_folder, path) = folder(&odd);
    let checked = run(&["check", "alertmanager", &path]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(
        checked
            .out
            .contains("alertmanager.yml:8:5: the route to \"web\" never gets an alert")
            && checked.out.contains("[unreachable-route]"),
        "{checked:?}"
    );
    let json = run(&["check", "alertmanager", "--json", &path]).json();
    assert_eq!(
        (&json["findings"][0]["lint"], &json["findings"][0]["line"]),
        (&"unreachable-route".into(), &8.into())
    );

    let (_folder, path) = folder(&GOOD.replace("receiver: web", "receiver: nowhere"));
    let broken = run(&["check", "alertmanager", &path]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.out.contains("FAILED") && broken.out.contains("alertmanager.yml:9"),
        "{broken:?}"
    );
    assert!(broken.out.contains("nowhere"), "{broken:?}");

    let (folder, path) = folder(GOOD);
    std::fs::write(folder.path().join("mine.tmpl"), "\n{{ define \"mine\" }}{{ end\n").expect("written");
    let broken = run(&["check", "alertmanager", &path, "--json"]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.json()["files"][0]["error"]
            .as_str()
            .is_some_and(|error| error.contains("mine.tmpl:3")),
        "{broken:?}"
    );
    assert_eq!(run(&["check", "alertmanager", "/no/such/file.yml"]).code, Some(1));
    assert_eq!(run(&["check", "alertmanager"]).code, Some(2));
}

#[test]
fn routes_are_those_of_amtool() {
    let (_folder, path) = folder(GOOD);
    for labels in [
        vec!["severity=page"],
        vec!["severity=page", "team=web"],
        vec!["team=web", "severity=info"],
        vec!["team=db"],
    ] {
        let routed = run(&[vec!["check", "alertmanager", &path, "--route"], labels.clone()].concat()).fine();
        let amtool = Command::new("/usr/bin/amtool")
            .args(["config", "routes", "test", "--config.file", &path])
            .args(&labels)
            .output()
            .expect("amtool runs; it is in the package prometheus-alertmanager");
        let theirs = String::from_utf8_lossy(&amtool.stdout);
        assert_eq!(routed.lines().next(), theirs.lines().next(), "{labels:?}");
    }
    let route = [
        "check",
        "alertmanager",
        &path,
        "--route",
        "severity=page",
        "team=web",
        "--json",
    ];
    let json = run(&route).json();
    assert_eq!(json[0]["receivers"], serde_json::json!(["pager", "web"]));
    assert_eq!(
        json[0]["routes"][0]["way"],
        serde_json::json!(["{}", "{severity=\"page\"}"])
    );
    let verify = |receivers: &str| {
        let receivers = format!("--verify.receivers={receivers}");
        run(&[
            "check",
            "alertmanager",
            &path,
            &receivers,
            "--route",
            "severity=page",
            "team=web",
        ])
        .code
    };
    assert_eq!((verify("pager,web"), verify("pager")), (Some(0), Some(1)));
    assert_eq!(run(&["check", "alertmanager", &path, "--route", "odd"]).code, Some(2));
}
