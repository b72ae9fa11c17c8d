//! `skopos check rules` and `skopos test rules`: what is printed, and the exit codes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use crate::program::command;

const RULES: &str = "groups:
- name: g
  rules:
  - alert: Down
    expr: sum by (job) (upp) < 1
    for: 2m
    annotations: {summary: '{{ $labels.job }} is down', runbook_url: 'https://example.org/down'}
";

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command().args(arguments).output().expect("the program runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code(), text)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

#[test]
fn checks_say_where_and_exit_by_severity() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = write(folder.path(), "good.yml", RULES);
    assert_eq!(run(&["check", "rules", &good]).0, Some(0));

    let odd = write(folder.path(), "odd.yml", &RULES.replace("(upp)", "(rate(upp[30s]))"));
    let (code, text) = run(&["check", "rules", &odd]);
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("odd.yml:5:25: Down: rate over 30s") && text.contains("[short-range]"),
        "{text}"
    );
    assert_eq!(run(&["check", "rules", "--lint=none", &odd]).0, Some(0));
    assert_eq!(run(&["check", "rules", "--scrape-interval", "5s", &odd]).0, Some(0));

    let broken = write(folder.path(), "broken.yml", &RULES.replace("< 1", "<"));
    let (code, text) = run(&["check", "rules", &folder.path().to_string_lossy()]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("broken.yml:5:11: ") && text.contains("could not parse expression"),
        "{text}"
    );
    let (_, text) = run(&["check", "rules", "--json", &broken, &odd]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&json["files"][0]["ok"], &json["findings"][0]["line"]),
        (&false.into(), &5.into())
    );
    assert_eq!(run(&["check", "rules", "--lint=nothing", &good]).0, Some(2));
}

/// Answers two requests as Prometheus' API: the names of metrics, and the labels of one.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming().take(2) {
        let mut stream: TcpStream = stream.expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut first = String::new();
        reader.read_line(&mut first).expect("a request");
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
            line.clear();
        }
        let data = if first.contains("__name__/values") {
            r#"["up","upper_limit"]"#
        } else {
            r#"["__name__","job","instance"]"#
        };
        let body = format!(r#"{{"status":"success","data":{data}}}"#);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).expect("answered");
    }
}

#[test]
fn names_are_compared_with_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || serve(&listener));
    let folder = tempfile::tempdir().expect("a folder");
    let rules = RULES.replace("(upp) < 1", "(upp) < 1 and on (job) up{jop=\"a\"}");
    let file = write(folder.path(), "rules.yml", &rules);
    let (code, text) = run(&["check", "rules", "--server", &url, &file]);
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("rules.yml:5:25: Down: the server has no metric \"upp\"; the nearest are up"),
        "{text}"
    );
    assert!(
        text.contains("no series of \"up\" has a label \"jop\"; the nearest are job"),
        "{text}"
    );
    server.join().expect("both requests came");
}

const TESTS: &str = "rule_files: ['rules*.yml']
tests:
- name: goes down
  input_series: [{series: 'upp{job=\"a\"}', values: '0x10'}]
  alert_rule_test:
  - eval_time: 5m
    alertname: Down
    exp_alerts:
    - exp_labels: {job: a}
      exp_annotations: {summary: a is down, runbook_url: 'https://example.org/down'}
";

#[test]
fn tests_pass_and_fail_with_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "rules.yml", RULES);
    let good = write(folder.path(), "good.yml", TESTS);
    let (code, text) = run(&["test", "rules", &good]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("SUCCESS"), "{text}");

    let bad = write(folder.path(), "bad.yml", &TESTS.replace("job: a}", "job: b}"));
    let report = folder.path().join("report.xml");
    let (code, text) = run(&["test", "rules", "--junit", &report.to_string_lossy(), &good, &bad]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("alertname: Down, time: 5m") && text.contains("exp: \"b\""),
        "{text}"
    );
    let xml = std::fs::read_to_string(&report).expect("the report is written");
    assert_eq!(xml.matches("<testsuite ").count(), 2, "{xml}");
    assert!(xml.contains("failures=\"1\""), "{xml}");
    let (_, text) = run(&["test", "rules", "--diff", &bad]);
    assert!(text.contains("- {alertname=\"Down\", job=\"b\"}"), "{text}");
    assert_eq!(run(&["test", "rules", "--run", "other", &bad]).0, Some(0));
    let (_, text) = run(&["test", "rules", "--json", &bad]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json[0]["tests"][0]["ok"], false);
}
