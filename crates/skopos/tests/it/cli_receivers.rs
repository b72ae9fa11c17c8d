//! `skopos notifications`, `receiver` and `drill` against a running server and a receiver that answers.

use crate::alerting::Site;
use crate::cli_alerts::{ask, nobody, run};

const RULE: &str =
    "  - {alert: Slow, expr: vector(0) > 1, labels: {severity: page}, annotations: {summary: it is slow}}\n";

/// Routes by severity to a receiver that takes, one that refuses, and one that tells nobody.
fn route(site: &Site) {
    let (taking, refusing) = (site.webhook.url("/hook"), site.webhook.url("/refused"));
    site.write(
        "alertmanager.yml",
        &format!(
            "route:\n  receiver: hook\n  routes:\n  - {{matchers: [severity=bad], receiver: team/refuses}}\n  \
             - {{matchers: [severity=none], receiver: nobody}}\nreceivers:\n\
             - {{name: hook, webhook_configs: [{{url: '{taking}'}}]}}\n\
             - {{name: team/refuses, webhook_configs: [{{url: '{refusing}'}}]}}\n- name: nobody\n"
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_are_tested_and_what_was_sent_is_on_record() {
    let site = Site::new().await;
    route(&site);
    let program = site.start(&[]).await;
    let listed = ask(&program, &["receiver", "list"]).fine();
    assert!(listed.contains("webhook[0]") && listed.contains("nobody"), "{listed}");

    let tested = ask(
        &program,
        &[
            "receiver",
            "test",
            "hook",
            "--label",
            "team=web",
            "--annotation",
            "summary=hear me",
        ],
    );
    assert!(tested.fine().contains("delivered"));
    let heard = site.webhook.received("/hook");
    assert_eq!(heard.len(), 1);
    let alert = &heard[0].body["alerts"][0];
    assert_eq!(alert["annotations"]["summary"], "[TEST] hear me");
    assert_eq!(alert["labels"]["team"], "web");

    let refused = ask(&program, &["receiver", "test", "team/refuses", "--json"]);
    assert_eq!(
        (refused.code, &refused.json()["results"][0]["outcome"]),
        (Some(1), &"failed".into())
    );
    let unknown = ask(&program, &["receiver", "test", "nowhere"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.error.contains("there are: hook, team/refuses, nobody"),
        "{unknown:?}"
    );
    assert_eq!(ask(&program, &["receiver", "test", "nobody"]).code, Some(1));
    assert_eq!(
        ask(&program, &["receiver", "test", "hook", "--label", "odd"]).code,
        Some(2)
    );

    let sent = ask(&program, &["notifications", "list"]).fine();
    assert!(sent.contains("delivered") && sent.contains("failed"), "{sent}");
    let failed = ask(&program, &["notifications", "list", "--outcome", "failed", "--json"]).json();
    assert_eq!(failed["notifications"].as_array().map(Vec::len), Some(1));
    let id = failed["notifications"][0]["id"].to_string();
    let shown = ask(&program, &["notifications", "show", &id]).fine();
    assert!(
        shown.contains("team/refuses") && shown.contains("400") && shown.contains("[TEST]"),
        "{shown}"
    );
    let whole = ask(&program, &["notifications", "show", &id, "--json"]).json();
    assert_eq!(whole["purpose"], "test");
    let none = ask(&program, &["notifications", "list", "--receiver", "nowhere"]).fine();
    assert_eq!(none, "no such notifications\n");
    let missing = ask(&program, &["notifications", "show", "4711"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.error.contains("no notification has the id 4711"), "{missing:?}");
    let fares = ask(&program, &["receiver", "list", "--json"]).json();
    assert_eq!(fares["receivers"][1]["integrations"][0]["failed"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_goes_to_the_real_receivers_with_its_mark() {
    let site = Site::new().await;
    route(&site);
    let config = site.rules(RULE);
    let program = site.start(&["--config.file", &config]).await;
    let drilled = ask(&program, &["drill", "Slow"]).fine();
    assert!(
        drilled.contains("drill of") && drilled.contains("delivered"),
        "{drilled}"
    );
    let heard = site.webhook.received("/hook");
    let alert = &heard[0].body["alerts"][0];
    assert_eq!(
        (&alert["labels"]["drill"], &alert["labels"]["severity"]),
        (&"true".into(), &"page".into())
    );
    assert_eq!(alert["annotations"]["summary"], "[DRILL] it is slow");

    let refused = ask(&program, &["drill", "Slow", "--label", "severity=bad", "--json"]);
    assert_eq!(
        (refused.code, &refused.json()["results"][0]["receiver"]),
        (Some(1), &"team/refuses".into())
    );
    let nobody_told = ask(&program, &["drill", "Slow", "--label", "severity=none"]);
    assert_eq!(nobody_told.code, Some(1));
    assert!(nobody_told.out.contains("nobody is told"), "{nobody_told:?}");
    let unknown = ask(&program, &["drill", "Fast"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.error.contains("no alerting rule is named \"Fast\""),
        "{unknown:?}"
    );
    assert_eq!(run(&["drill"]).code, Some(2));
    assert_eq!(run(&["drill", "Slow", "--server", &nobody()]).code, Some(1));
}
