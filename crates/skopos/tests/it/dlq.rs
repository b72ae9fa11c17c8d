//! Dead letters through the built program: a bus, a worker that refuses poison, the API and the command line.

mod bus;
mod terminal;

use serde_json::{Value, json};

use crate::cli_alerts::{Said, ask, nobody, run};
use crate::program::Program;
use crate::webhook::eventually;

use bus::{Bus, TOPIC};

async fn waiting(program: &Program, count: usize) -> Value {
    eventually("letters wait", async || {
        let list = program.get("/api/skopos/dlq", &[]).await;
        (list["matched"] == json!(count)).then_some(list)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_shown_and_discarded() {
    let (bus, folder) = (Bus::start().await, tempfile::tempdir().expect("a folder"));
    let program = Program::start(folder.path(), &["--bus", &bus.address()]).await;
    for number in 0..3 {
        bus.poison("no_box", number).await;
    }
    bus.poison("no_stock", 3).await;
    let list = waiting(&program, 4).await;
    assert_eq!(
        list["reasons"][0],
        json!({"source_topic": TOPIC, "error_type": "no_box", "waiting": 3})
    );
    assert_eq!(
        (&list["queues"][0]["waiting"], &list["bus"]),
        (&json!(4), &json!(bus.address()))
    );

    let said = ask(&program, &["dlq", "stats"]).fine();
    assert!(said.contains("orders") && said.contains("no_stock"), "{said}");
    let page = ask(&program, &["dlq", "list", "--type", "no_box", "--limit", "2"]).fine();
    assert!(
        page.contains("2 of 3; --offset 2 shows the next") && !page.contains("no_stock"),
        "{page}"
    );
    let last = ask(
        &program,
        &["dlq", "list", "--type", "no_box", "--offset", "2", "--json"],
    )
    .json();
    assert_eq!(last["letters"].as_array().map(Vec::len), Some(1));
    let old = ask(&program, &["dlq", "list", "--older-than", "1h"]).fine();
    assert_eq!(old, "no such dead letters\n");

    let id = last["letters"][0]["id"].as_str().expect("a name").to_owned();
    let trace = last["letters"][0]["trace_id"].as_str().expect("a trace").to_owned();
    let shown = ask(&program, &["dlq", "show", &id]).fine();
    for words in [
        &id,
        &trace,
        "tries        2, after 0 replays",
        "no_box: no box for",
        "\"number\": 0",
        "waiting",
    ] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    assert!(
        shown.contains(&format!("{}/explore/traces/{trace}", program.url)),
        "{shown}"
    );

    let unsaid = ask(&program, &["dlq", "discard", &id, "-c", " "]);
    assert!(
        unsaid.code == Some(1) && unsaid.error.contains("reason is empty"),
        "{unsaid:?}"
    );
    let discarded = ask(&program, &["dlq", "discard", &id, "-c", "a test order"]).fine();
    assert_eq!(discarded, "1 of 1 discarded\n");
    let gone = ask(&program, &["dlq", "show", &id]).fine();
    assert!(
        gone.contains("discarded by ada at") && gone.contains(": a test order"),
        "{gone}"
    );
    let again = ask(&program, &["dlq", "discard", &id, "-c", "twice"]);
    assert!(
        again.code == Some(1) && again.error.contains("1 of 1 letters do not wait"),
        "{again:?}"
    );

    let metrics = metrics(&program).await;
    let line = r#"dead_letters_settled_total{action="discarded",topic="orders"} 1"#;
    assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    bus.stop().await;
}

/// Replayed too early it comes back, with one more on its count; mended, it is handled in its old trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_keeps_the_trace_and_counts() {
    let (bus, folder) = (Bus::start().await, tempfile::tempdir().expect("a folder"));
    let program = Program::start(folder.path(), &["--bus", &bus.address()]).await;
    bus.poison("no_box", 0).await;
    bus.poison("no_stock", 1).await;
    waiting(&program, 2).await;
    let stock = ask(&program, &["dlq", "list", "--type", "no_stock", "--json"]).json();
    let trace = stock["letters"][0]["trace_id"].as_str().expect("a trace").to_owned();
    let early = ask(&program, &["dlq", "replay", "--type", "no_stock", "--yes"]).fine();
    assert_eq!(early, "1 of 1 replayed\n");
    eventually("it came back", async || {
        let list = ask(&program, &["dlq", "list", "--type", "no_stock", "--json"]).json();
        let letter = &list["letters"][0];
        (letter["replay_count"] == 1 && letter["trace_id"] == trace).then_some(())
    })
    .await;
    bus.mend();
    let all = ask(
        &program,
        &[
            "dlq", "replay", "--all", "--rate", "100", "--yes", "-c", "mended", "--json",
        ],
    )
    .json();
    assert_eq!(
        (&all["state"], &all["done"], &all["reason"]),
        (&json!("done"), &json!(2), &json!("mended"))
    );
    eventually("all are handled", async || (bus.handled().len() == 2).then_some(())).await;
    assert!(bus.handled().contains(&trace));
    waiting(&program, 0).await;
    let settled = ask(&program, &["dlq", "list", "--state", "settled", "--json"]).json();
    assert_eq!(settled["matched"], 3);

    let settled = r#"dead_letters_settled_total{action="replayed",topic="orders"} 3"#;
    eventually("letters are counted", async || {
        let metrics = metrics(&program).await;
        (metrics.contains(settled) && metrics.contains(r#"dead_letter_queue_depth{topic="orders"}"#)).then_some(())
    })
    .await;
    traces_are_linked(&program, &trace, all["trace_id"].as_str().expect("jobs are traced")).await;
    bus.stop().await;
}

async fn metrics(program: &Program) -> String {
    let answer = reqwest::get(format!("{}/metrics", program.url))
        .await
        .expect("an answer");
    answer.text().await.expect("a text")
}

/// The replay is a span of the letter's trace that links to the job, whose trace is its own.
async fn traces_are_linked(program: &Program, trace: &str, job: &str) {
    assert_ne!(job, trace);
    let spans = eventually("the spans are stored", async || {
        let said: Said = ask(program, &["query", "traces", trace, "--json"]);
        if said.code != Some(0) {
            return None;
        }
        let spans = said.json()["data"][0]["spans"].as_array()?.clone();
        let replays: Vec<Value> = spans
            .into_iter()
            .filter(|span| span["operationName"] == "replay orders")
            .collect();
        (replays.len() == 2).then_some(replays)
    })
    .await;
    let links_to = |span: &Value, trace: &str| {
        let references = span["references"].as_array().into_iter().flatten();
        references.into_iter().any(|reference| reference["traceID"] == trace)
    };
    assert!(
        spans.iter().any(|span| links_to(span, job)),
        "no link to {job} in {spans:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_is_followed_one_at_a_time_and_cancelled() {
    let (bus, folder) = (Bus::start().await, tempfile::tempdir().expect("a folder"));
    let program = Program::start(folder.path(), &["--bus", &bus.address()]).await;
    for number in 0..4 {
        bus.poison("no_box", number).await;
    }
    waiting(&program, 4).await;
    bus.mend();
    // One letter at once and then one in ten seconds: it goes on for as long as this test needs it.
    let slow = json!({"filter": {}, "rate_per_second": 0.1, "by": "ada"});
    let (status, job) = program.post("/api/skopos/dlq/replay", &slow).await;
    assert_eq!(
        (status, &job["state"], &job["total"]),
        (202, &json!("running"), &json!(4))
    );
    let (busy, error) = program.post("/api/skopos/dlq/replay", &slow).await;
    let told = error["error"].as_str().unwrap_or_default();
    assert!(busy == 429 && told.contains("job 1 is under way"), "{busy} {error}");

    let listed = ask(&program, &["dlq", "jobs"]).fine();
    assert!(listed.contains("running"), "{listed}");
    let ended = ask(&program, &["dlq", "jobs", "--cancel", "1", "--json"]).json();
    assert_eq!(ended["state"], "cancelled");
    let done = ended["done"].as_u64().expect("a count");
    assert!((1..4).contains(&done), "{ended}");
    waiting(&program, 4 - usize::try_from(done).expect("a small count")).await;

    for (path, body, expected) in [
        ("replay", json!({}), 400),
        ("replay", json!({"filter": {"topics": "x"}, "by": "ada"}), 400),
        ("discard", json!({"filter": {}, "by": "ada"}), 400),
    ] {
        let (status, answer) = program.post(&format!("/api/skopos/dlq/{path}"), &body).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_is_asked_without_a_server() {
    let bus = Bus::start().await;
    let address = bus.address();
    let direct = |arguments: &[&str]| run(&[&["dlq"], arguments, &["--bus", &address]].concat());
    assert_eq!(direct(&["list"]).fine(), "no such dead letters\n");
    bus.poison("no_box", 0).await;
    bus.poison("no_box", 1).await;
    let list = eventually("letters wait", async || {
        let list = direct(&["list", "--json"]).json();
        (list["matched"] == 2).then_some(list)
    })
    .await;
    let id = list["letters"][1]["id"].as_str().expect("a name");
    let shown = direct(&["show", id, "--json"]).json();
    assert_eq!(
        (&shown["original_event"]["type"], &shown["consumer_group"]),
        (&json!("order"), &json!("packer"))
    );

    let asked = direct(&["discard", "--all", "-c", "why"]);
    assert!(asked.code == Some(1) && asked.error.contains("--yes"), "{asked:?}");
    let silent = direct(&["replay", "--yes"]);
    assert!(
        silent.code == Some(1) && silent.error.contains("no letter is named"),
        "{silent:?}"
    );
    let unnamed = direct(&["show", "orders"]);
    assert!(
        unnamed.code == Some(1) && unnamed.error.contains("TOPIC/PARTITION/OFFSET"),
        "{unnamed:?}"
    );
    let dry = direct(&["discard", "--all", "-c", "why", "--dry-run"]).fine();
    assert!(dry.contains(id) && dry.contains("2 letters; nothing was done"), "{dry}");

    bus.mend();
    assert_eq!(direct(&["replay", id]).fine(), "1 of 1 replayed\n");
    eventually("it is handled", async || (bus.handled().len() == 1).then_some(())).await;
    assert_eq!(
        direct(&["discard", "--all", "-y", "-c", "why"]).fine(),
        "1 of 1 discarded\n"
    );
    let counts = direct(&["stats", "--json"]).json();
    assert_eq!(
        (&counts["waiting"], &counts["queues"][0]["settled"]),
        (&json!(0), &json!(2))
    );
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reached_is_named() {
    let away = nobody().replace("http://", "kafka://");
    let direct = run(&["dlq", "stats", "--bus", &away]);
    assert!(
        direct.code == Some(1) && direct.error.contains("is it running"),
        "{direct:?}"
    );
    assert!(direct.error.contains(&away), "{direct:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &["--bus", &away]).await;
    let asked = ask(&program, &["dlq", "list"]);
    assert!(asked.code == Some(1) && asked.error.contains(&away), "{asked:?}");

    let other = tempfile::tempdir().expect("a folder");
    let without = Program::start(other.path(), &[]).await;
    let asked = ask(&without, &["dlq", "list"]);
    assert!(
        asked.code == Some(1) && asked.error.contains("start it with --bus"),
        "{asked:?}"
    );
}
