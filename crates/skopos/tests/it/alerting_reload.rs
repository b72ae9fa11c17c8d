//! Reloads of alerting in the built program: changed and broken files, rules that go.

use serde_json::json;

use crate::alerting::{Site, incident_of, post_alert};
use crate::program::Program;
use crate::webhook::eventually;

/// Waits until the configuration in force names a path.
async fn in_force(program: &Program, path: &str) {
    eventually(&format!("{path} is in force"), async || {
        let status = program.get("/api/v2/status", &[]).await;
        let text = status["config"]["original"].as_str().expect("the configuration");
        // Addresses of webhooks are shown as secrets; receivers are not.
        text.contains(path).then_some(())
    })
    .await;
}

fn named(site: &Site, receiver: &str, path: &str) {
    let url = site.webhook.url(path);
    site.write(
        "alertmanager.yml",
        &format!(
            "route: {{receiver: {receiver}, group_by: [unit], group_wait: 0s, group_interval: 1s}}\n\
             receivers: [{{name: {receiver}, webhook_configs: [{{url: '{url}'}}]}}]\n"
        ),
    );
}

#[tokio::test]
async fn a_changed_file_holds_after_a_reload_and_a_broken_one_changes_nothing() {
    let site = Site::new().await;
    named(&site, "first", "/first");
    let program = site.start(&[]).await;
    post_alert(&program, "A", "one").await;
    site.webhook.wait_told("/first", "firing", "one").await;

    named(&site, "second", "/second");
    program.hang_up();
    in_force(&program, "second").await;
    post_alert(&program, "A", "two").await;
    site.webhook.wait_told("/second", "firing", "two").await;
    assert!(site.webhook.told("/first", "firing", "two").is_empty());

    site.write(
        "alertmanager.yml",
        "route: {receiver: nobody}\nreceivers: [{name: third}]\n",
    );
    let (status, _) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 500, "a broken file is refused");
    program.hang_up();
    post_alert(&program, "A", "three").await;
    site.webhook.wait_told("/second", "firing", "three").await;
    in_force(&program, "second").await;

    named(&site, "third", "/third");
    let (status, _) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 200);
    post_alert(&program, "A", "four").await;
    site.webhook.wait_told("/third", "firing", "four").await;
}

#[tokio::test]
async fn an_alert_whose_rule_goes_ends_and_says_why() {
    let site = Site::new().await;
    let rule = "  - {alert: Gone, expr: vector(1), labels: {unit: gone}}\n";
    let stays = "  - {alert: Stays, expr: vector(1), labels: {unit: stays}}\n";
    let config = site.rules(&format!("{rule}{stays}"));
    let program = site.start(&["--config.file", &config]).await;
    site.webhook.wait_told("/hook", "firing", "gone").await;
    site.webhook.wait_told("/hook", "firing", "stays").await;

    site.rules(stays);
    program.hang_up();
    site.webhook.wait_told("/hook", "resolved", "gone").await;
    let incident = incident_of(&program, "gone").await;
    assert_eq!(incident["state"], "resolved", "{incident}");
    let timeline = incident["timeline"].as_array().expect("a timeline");
    let why = "not in the configuration any more";
    assert!(
        timeline
            .iter()
            .any(|entry| entry["text"].as_str().expect("text").contains(why)),
        "{timeline:?}"
    );
    let fingerprint = incident["members"][0]["fingerprint"].as_str().expect("a fingerprint");
    let evidence = program.get(&format!("/api/skopos/evidence/{fingerprint}"), &[]).await;
    assert_eq!(evidence["endReason"], "ruleRemoved", "{evidence}");
    assert!(site.webhook.told("/hook", "resolved", "stays").is_empty());
}
