//! `skopos alerts` and `skopos incidents` against a running server.

use std::process::Output;

use serde_json::Value;

use crate::alerting::{Site, incident_of, post_alert};
use crate::program::{Program, command};
use crate::webhook::eventually;

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The output of a success.
    pub(crate) fn fine(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    let output = command().env("USER", "ada").args(arguments).output();
    let Output { status, stdout, stderr } = output.expect("the program runs");
    Said {
        code: status.code(),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        error: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Asks a server.
pub(crate) fn ask(program: &Program, arguments: &[&str]) -> Said {
    run(&[arguments, &["--server", &program.url]].concat())
}

/// An address where nobody listens: it was free a moment ago.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

const RULE: &str = "  - {alert: Slow, expr: 'vector(1) > 0', labels: {unit: web, severity: page}, annotations: {summary: it is slow}}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_are_listed_and_shown() {
    let site = Site::new().await;
    let config = site.rules(RULE);
    let program = site.start(&["--config.file", &config]).await;
    eventually("the alert is listed", async || {
        let listed = ask(&program, &["alerts", "--json"]);
        (listed.json()[0]["status"]["state"] == "active").then_some(())
    })
    .await;
    post_alert(&program, "Other", "db").await;

    let table = ask(&program, &["alerts"]).fine();
    assert!(
        table.starts_with("alert ") && table.contains("Slow") && table.contains("Other"),
        "{table}"
    );
    let slow = ask(&program, &["alerts", "list", "Slow", "unit=~w.*", "--active"]).fine();
    assert!(slow.contains(r#"{unit="web"}"#) && !slow.contains("Other"), "{slow}");
    assert_eq!(ask(&program, &["alerts", "unit=none"]).fine(), "no alert fires\n");
    assert_eq!(ask(&program, &["alerts", "--silenced"]).fine(), "no alert fires\n");
    assert_eq!(
        ask(&program, &["alerts", "--receiver", "boss"]).fine(),
        "no alert fires\n"
    );

    let shown = ask(&program, &["alerts", "show", "Slow"]).fine();
    for words in [
        "Slow is active since",
        "summary = it is slow",
        "expression vector(1) > 0",
        "rules.yml:5",
    ] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    let whole = ask(&program, &["alerts", "show", "Slow", "--json"]).json();
    let fingerprint = whole[0]["alert"]["fingerprint"]
        .as_str()
        .expect("a fingerprint")
        .to_owned();
    assert_eq!(whole[0]["evidence"]["rule"]["name"], "Slow");
    let same = ask(&program, &["alerts", "show", &fingerprint, "--json"]).json();
    assert_eq!(same[0]["alert"]["labels"], whole[0]["alert"]["labels"]);

    let missing = ask(&program, &["alerts", "show", "Gone"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.error.contains("\"Gone\"") && missing.error.contains("skopos alerts"),
        "{missing:?}"
    );
    assert_eq!(ask(&program, &["alerts", "list", "a=~("]).code, Some(1));
    assert_eq!(ask(&program, &["alerts", "--no-such-flag"]).code, Some(2));
    let unreached = run(&["alerts", "--server", &nobody()]);
    assert_eq!(unreached.code, Some(1));
    assert!(unreached.error.contains("--server"), "{unreached:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_are_listed_taken_on_and_noted() {
    let site = Site::new().await;
    let program = site.start(&[]).await;
    assert_eq!(ask(&program, &["incidents", "list"]).fine(), "no such incidents\n");
    post_alert(&program, "Slow", "web").await;
    let id = incident_of(&program, "web").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    let listed = ask(&program, &["incidents", "list"]).fine();
    assert!(listed.contains(&id) && listed.contains("Slow"), "{listed}");
    let resolved = ask(&program, &["incidents", "list", "--state", "resolved", "--json"]).json();
    assert_eq!(resolved["incidents"], serde_json::json!([]));
    let shown = ask(&program, &["incidents", "show", &id]).fine();
    assert!(shown.contains("timeline") && shown.contains("firing"), "{shown}");

    // The start of an id is enough.
    let start = &id[..id.len() - 1];
    let taken = ask(&program, &["incidents", "ack", start, "--text", "on it", "--json"]).json();
    assert_eq!(taken["acknowledgedBy"], "ada");
    let noted = ask(
        &program,
        &["incidents", "note", &id, "the disk was full", "--author", "bob"],
    )
    .fine();
    assert!(
        noted.contains("the disk was full (bob)") && noted.contains("acknowledged by ada"),
        "{noted}"
    );
    let stats = ask(&program, &["incidents", "stats", "--from", "1h"]).fine();
    assert!(
        stats.contains("all ") && stats.contains("the target to recover is 15m"),
        "{stats}"
    );
    let stats = ask(&program, &["incidents", "stats", "--json"]).json();
    assert_eq!(stats["total"]["count"], 1);

    let missing = ask(&program, &["incidents", "ack", "nothing"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.error.contains("no incident has the id \"nothing\""),
        "{missing:?}"
    );
    let empty = ask(&program, &["incidents", "note", &id, " "]);
    assert_eq!(empty.code, Some(1));
    assert!(empty.error.contains("the note is empty"), "{empty:?}");
    assert_eq!(ask(&program, &["incidents", "list", "--state", "odd"]).code, Some(2));
    assert_eq!(ask(&program, &["incidents", "list", "--from", "soon"]).code, Some(1));
}
