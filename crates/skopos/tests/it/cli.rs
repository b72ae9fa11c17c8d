//! The command line: help, versions, checks, and errors that say what to do.

use std::net::TcpListener;
use std::process::Output;

use crate::program::command;

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_teaches_and_usage_errors_exit_2() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let shown = text(&help.stdout);
    for word in ["check", "--config.file", "--pack", "--storage.path", "Examples:"] {
        assert!(shown.contains(word), "{word} is not in:\n{shown}");
    }
    assert_eq!(run(&["--no-such-flag"]).status.code(), Some(2));
}

#[test]
fn version_as_text_and_json() {
    let version = text(&run(&["version"]).stdout);
    assert!(version.starts_with("skopos "), "{version}");
    let json: serde_json::Value = serde_json::from_slice(&run(&["version", "--json"]).stdout).expect("JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn completions_name_the_commands() {
    let script = text(&run(&["completions", "bash"]).stdout);
    assert!(script.contains("query") && script.contains("completions"), "{script}");
}

#[test]
fn a_broken_configuration_names_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, "global:\n  scrape_interval: 15s\n  no_such_field: 1\n").expect("written");
    let checked = run(&["check", "config", &file.to_string_lossy()]);
    assert_eq!(checked.status.code(), Some(1));
    let shown = text(&checked.stderr) + &text(&checked.stdout);
    assert!(
        shown.contains("prometheus.yml:3") && shown.contains("no_such_field"),
        "{shown}"
    );
}

#[test]
fn a_taken_port_names_port_and_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(&[
        "--web.listen-address",
        &address,
        "--storage.path",
        &folder.path().to_string_lossy(),
    ]);
    assert_eq!(ran.status.code(), Some(1));
    let shown = text(&ran.stderr);
    assert!(
        shown.contains(&address) && shown.contains("--web.listen-address"),
        "{shown}"
    );
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let lock = skopos_storage::DataDirLock::acquire(folder.path()).expect("free");
    let ran = run(&[
        "--web.listen-address",
        "127.0.0.1:0",
        "--storage.path",
        &folder.path().to_string_lossy(),
    ]);
    drop(lock);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        text(&ran.stderr).contains(&std::process::id().to_string()),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn beyond_loopback_needs_consent() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(&[
        "--web.listen-address",
        "0.0.0.0:0",
        "--storage.path",
        &folder.path().to_string_lossy(),
    ]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("--insecure"), "{}", text(&ran.stderr));
}

#[test]
fn optional_features_decide_what_rules_may_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rule = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: limitk(1, up)\n";
    std::fs::write(path("rules.yml"), rule).expect("written");
    std::fs::write(path("prometheus.yml"), "rule_files: [rules.yml]\n").expect("written");
    let check = |features: &[&str]| run(&[&["check", "config", &path("prometheus.yml")], features].concat());

    let off = check(&[]);
    assert_eq!(off.status.code(), Some(1));
    let shown = text(&off.stdout);
    let flag = "--enable-feature=promql-experimental-functions";
    assert!(shown.contains("rules.yml:5:") && shown.contains(flag), "{shown}");
    assert_eq!(check(&[flag]).status.code(), Some(0));

    let misspelt = check(&[flag, "--enable-feature=promql-tyop"]);
    assert_eq!(misspelt.status.code(), Some(3));
    assert!(
        text(&misspelt.stdout).contains("promql-tyop"),
        "{}",
        text(&misspelt.stdout)
    );
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    let mut child = command()
        .arg("version")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(text(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}

#[test]
fn a_flag_of_prometheus_that_means_nothing_says_what_to_do() {
    let ran = run(&["--storage.tsdb.retention=15d"]);
    assert_eq!(ran.status.code(), Some(2));
    let shown = text(&ran.stderr);
    assert!(shown.contains("--storage.tsdb.retention.time"), "{shown}");
}
