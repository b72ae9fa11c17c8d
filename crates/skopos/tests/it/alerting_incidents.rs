//! Incidents in the built program: escalation, acknowledgement, and the heartbeat to an outside check.

use serde_json::json;

use crate::alerting::{Site, incident_of, post_alert};
use crate::webhook::eventually;

#[tokio::test]
async fn an_incident_escalates_unless_somebody_takes_it_on() {
    let site = Site::new().await;
    let incidents = site.write(
        "incidents.yml",
        "escalations: [{name: all, steps: [{after: 2s, receiver: boss}]}]\n",
    );
    let program = site.start(&["--incidents.file", &incidents]).await;
    post_alert(&program, "A", "taken").await;
    let id = incident_of(&program, "taken").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (status, _) = program
        .post(
            &format!("/api/skopos/incidents/{id}/acknowledge"),
            &json!({ "by": "ada" }),
        )
        .await;
    assert_eq!(status, 200);
    // It is due later than the one before.
    post_alert(&program, "A", "left").await;
    let told = site.webhook.wait_told("/boss", "firing", "left").await;
    let text = told.body["alerts"][0]["annotations"]["escalation"]
        .as_str()
        .expect("text");
    assert!(text.starts_with("nobody acknowledged"), "{text}");
    let left = incident_of(&program, "left").await;
    let step = &left["escalation"]["steps"][0];
    assert!(step["doneMs"].as_i64() >= step["dueMs"].as_i64(), "{step}");
    assert!(site.webhook.told("/boss", "firing", "taken").is_empty());
    let taken = incident_of(&program, "taken").await;
    assert_eq!(
        (&taken["state"], &taken["escalation"]["steps"][0]["doneMs"]),
        (&json!("acknowledged"), &json!(null))
    );
}

#[tokio::test]
async fn the_outside_check_hears_a_heartbeat_while_the_alert_fires() {
    let site = Site::new().await;
    let url = site.webhook.url("/beat");
    let incidents = site.write(
        "incidents.yml",
        &format!("heartbeats: [{{name: check, alert: Pulse, url: '{url}', interval: 1s}}]\n"),
    );
    let pulse = "  - {alert: Pulse, expr: vector(1), labels: {unit: pulse}}\n";
    let other = "  - {alert: Other, expr: vector(1), labels: {unit: other}}\n";
    let config = site.rules(&format!("{pulse}{other}"));
    let program = site
        .start(&["--config.file", &config, "--incidents.file", &incidents])
        .await;
    eventually("three heartbeats", async || {
        (site.webhook.received("/beat").len() >= 3).then_some(())
    })
    .await;
    incident_of(&program, "other").await;
    let answer = program.get("/api/skopos/incidents", &[]).await;
    let incidents = answer["incidents"].as_array().expect("incidents");
    assert_eq!(incidents.len(), 1, "what fires always is no incident: {incidents:?}");

    site.rules(other);
    program.hang_up();
    eventually("the heartbeat stops with its alert", async || {
        let answer = program.get("/api/skopos/heartbeats", &[]).await;
        let error = answer["heartbeats"][0]["error"].as_str()?.to_owned();
        error.contains("does not fire").then_some(())
    })
    .await;
}
