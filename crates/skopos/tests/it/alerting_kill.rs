//! Kills the server while alerts, silences and incidents change: nothing that was acknowledged is
//! lost, and nobody is told twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::alerting::{Site, alert, incident_of, post_alert};
use crate::program::Program;
use crate::webhook::eventually;

const ROUNDS: usize = 5;
/// Acknowledged changes of each kind before a kill.
const LOAD: usize = 40;

/// What the server acknowledged.
#[derive(Default)]
struct Acknowledged {
    alerts: BTreeSet<String>,
    silences: BTreeSet<String>,
    /// Units whose incident was taken on, with a note.
    incidents: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nobody_is_told_twice() {
    let site = Site::new().await;
    let mut all = Acknowledged::default();
    for round in 0..ROUNDS {
        let program = site.start(&[]).await;
        let unit = format!("round{round}");
        post_alert(&program, "Round", &unit).await;
        take_on(&program, &unit).await;
        recorded(&program, &unit).await;
        all.incidents.push(unit);
        let stop = Arc::new(AtomicBool::new(false));
        let load = tokio::spawn(change_until(program.url.clone(), round, Arc::clone(&stop)));
        eventually("the load is under way", async || {
            let answer = program.get("/api/v2/silences", &[]).await;
            let silences = answer.as_array().expect("silences").len();
            (silences >= all.silences.len() + LOAD).then_some(())
        })
        .await;
        program.kill();
        stop.store(true, Ordering::Relaxed);
        let (alerts, silences) = load.await.expect("the task ends");
        all.alerts.extend(alerts);
        all.silences.extend(silences);
    }
    compare(&site, &all).await;
}

/// Acknowledges the incident of a unit and writes a note.
async fn take_on(program: &Program, unit: &str) {
    let incident = incident_of(program, unit).await;
    let path = format!("/api/skopos/incidents/{}", incident["id"].as_str().expect("an id"));
    let said = |text: &str| json!({ "by": "ada", "text": text });
    let (status, _) = program.post(&format!("{path}/acknowledge"), &said("")).await;
    assert_eq!(status, 200);
    let (status, _) = program.post(&format!("{path}/notes"), &said(unit)).await;
    assert_eq!(status, 200);
}

/// Waits until the notification of a unit is on record: then it is in the notification log too.
async fn recorded(program: &Program, unit: &str) {
    eventually(&format!("the notification of {unit} is recorded"), async || {
        let answer = program
            .get("/api/skopos/notifications", &[("limit", "1000".to_owned())])
            .await;
        let notifications = answer["notifications"].as_array().expect("notifications");
        let is_it = |one: &&Value| one["groupLabels"]["unit"] == unit && one["outcome"] == "delivered";
        notifications.iter().find(is_it).map(|_| ())
    })
    .await;
}

/// Posts alerts and silences until the server is killed; gives those that it acknowledged.
async fn change_until(url: String, round: usize, stop: Arc<AtomicBool>) -> (BTreeSet<String>, BTreeSet<String>) {
    let client = reqwest::Client::new();
    let (mut alerts, mut silences) = (BTreeSet::new(), BTreeSet::new());
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let unit = format!("load{round}-{number}");
        let posted = json!([alert("Load", &unit)]);
        if Program::try_post(&client, &format!("{url}/api/v2/alerts"), &posted)
            .await
            .is_some()
        {
            alerts.insert(unit.clone());
        }
        let silence = json!({
            "matchers": [{ "name": "unit", "value": unit, "isRegex": false, "isEqual": true }],
            "startsAt": alert("", "")["endsAt"],
            "endsAt": "2100-01-01T00:00:00Z",
            "createdBy": "test",
            "comment": "kept",
        });
        let answer = Program::try_post(&client, &format!("{url}/api/v2/silences"), &silence).await;
        silences.extend(answer.and_then(|answer| answer["silenceID"].as_str().map(str::to_owned)));
        number += 1;
    }
    (alerts, silences)
}

/// Starts once more, reads everything back and compares.
async fn compare(site: &Site, all: &Acknowledged) {
    let program = site.start(&[]).await;
    let texts = |answer: &Value, pointer: &str| -> BTreeSet<String> {
        let items = answer.as_array().expect("a list").iter();
        items
            .filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned))
            .collect()
    };
    let alerts = texts(&program.get("/api/v2/alerts", &[]).await, "/labels/unit");
    let silences = texts(&program.get("/api/v2/silences", &[]).await, "/id");
    println!(
        "killed {ROUNDS} times; acknowledged {} alerts and {} silences; stored {} and {}",
        all.alerts.len(),
        all.silences.len(),
        alerts.len(),
        silences.len()
    );
    assert!(
        all.alerts.len() >= ROUNDS * LOAD / 2,
        "the load was too small to prove anything"
    );
    assert_eq!(
        all.alerts.difference(&alerts).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert_eq!(
        all.silences.difference(&silences).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    // What the last start would tell again comes with the first look at each group, before this.
    post_alert(&program, "Round", "last").await;
    site.webhook.wait_told("/hook", "firing", "last").await;
    for unit in &all.incidents {
        let incident = incident_of(&program, unit).await;
        assert_eq!(incident["acknowledgedBy"], "ada", "{incident}");
        let timeline = incident["timeline"].as_array().expect("a timeline");
        assert!(
            timeline.iter().any(|entry| entry["text"] == unit.as_str()),
            "{unit}: {timeline:?}"
        );
        let told = site.webhook.told("/hook", "firing", unit).len();
        assert_eq!(told, 1, "{unit} was told {told} times");
    }
}
