//! What a hand-over says in the log, whichever way it ended, and that none of them ends the worker.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};
use skopos_bus::dead_letters::Filter;
use skopos_bus::{Event, HandleError};

use crate::site::{Site, TOPIC, eventually, lines_of};

/// The one line that names the event and begins so.
async fn line(event_id: &str, begin: &str) -> Value {
    eventually(async || {
        let lines = lines_of(event_id);
        let mut found = lines
            .into_iter()
            .filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(begin)));
        let line = found.next();
        assert!(found.next().is_none(), "twice: {begin}");
        line
    })
    .await
}

/// The fields that each of the lines has.
fn check(line: &Value, event_id: &str, retries: u32) {
    assert_eq!(line["level"], "ERROR");
    let event: Value = serde_json::from_str(line["original_event"].as_str().expect("a text")).expect("as it came");
    assert_eq!(
        (&event["id"], &event["data"]),
        (&json!(event_id), &json!({ "number": 7 }))
    );
    assert_eq!(line["source_topic"], TOPIC);
    assert_eq!(
        (&line["error_type"], &line["error_message"]),
        (&json!("busy"), &json!("later"))
    );
    assert_eq!(
        (&line["retry_count"], &line["replay_count"]),
        (&json!(retries), &json!(0))
    );
    let given_up_at = line["given_up_at"].as_str().expect("a time");
    assert!(given_up_at.parse::<jiff::Timestamp>().is_ok(), "{given_up_at}");
    assert!(line["function"].is_string() && line["trace_id"].is_string(), "{line}");
}

/// A worker that cannot handle an order, and loses the bus before it can hand it over.
async fn outage(site: &Site) -> String {
    site.refuse(Some(HandleError::transient("busy", "later")));
    let event = site.publish(json!({ "number": 7 })).await;
    eventually(async || (!site.seen(&event.id).is_empty()).then_some(())).await;
    site.broker.interrupt();
    event.id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_is_logged_with_what_the_letter_says() {
    let site = Site::start().await;
    site.refuse(Some(HandleError::permanent("busy", "later")));
    let event = site.publish(json!({ "number": 7 })).await;
    let line = line(&event.id, "event handed over").await;
    check(&line, &event.id, 0);
    assert_eq!(line["dlq_topic"], format!("{TOPIC}.dlq"));
    let letter = eventually(async || site.letters.list(&Filter::default()).await.ok()?.into_iter().next()).await;
    assert_eq!(line["given_up_at"], letter.letter.timestamp);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_that_failed_and_waits_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::start_for_outage(Some(folder.path().to_owned())).await;
    let id = outage(&site).await;
    let line = line(&id, "dead-letter hand-over failed, the letter waits").await;
    check(&line, &id, 2);
    assert!(
        line["file"].as_str().and_then(|file| Path::new(file).extension()) == Some(OsStr::new("jsonl")),
        "{line}"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nothing_takes_is_in_the_log_and_the_worker_goes_on() {
    let site = Site::start_for_outage(None).await;
    let id = outage(&site).await;
    let line = line(&id, "dead-letter hand-over failed, the event is only").await;
    check(&line, &id, 2);
    site.counted("dead_letter_handovers_total", &[TOPIC, "lost"], 1.0).await;

    site.broker.resume();
    site.refuse(None);
    let next = Event::new("order", json!({ "number": 8 }));
    // The client takes a while to find that the bus is back.
    eventually(async || site.producer.publish(TOPIC, "shop", next.clone()).await.ok()).await;
    eventually(async || (!site.seen(&next.id).is_empty()).then_some(())).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_does_not_read_is_told_of_though_no_handler_sees_it() {
    let site = Site::start().await;
    let context = opentelemetry::Context::new();
    site.producer
        .publish_raw(TOPIC, "shop", "stray", b"{\"half\": ", &context)
        .await
        .expect("the broker is up");
    eventually(async || (!site.told.lock().expect("not poisoned").is_empty()).then_some(())).await;
    let told = site.told.lock().expect("not poisoned").clone();
    assert_eq!(told, [(TOPIC.to_owned(), HandleError::UNREADABLE.to_owned())]);
    // The hook is called before the letter is on its way.
    eventually(async || (site.waiting().await == 1).then_some(())).await;
    site.stop().await;
}
