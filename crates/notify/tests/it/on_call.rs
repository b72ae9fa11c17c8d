//! Receivers that keep an alert for the group and close it.

use serde_json::json;
use skopos_notify::Endpoints;

use crate::bench::{KEY_HASH, firing, notifier_of, receiver, request, requests, resolved};
use crate::site::{Reply, Site};

#[tokio::test]
async fn pagerduty_v2() {
    let settings = "  pagerduty_configs: [{url: 'SITE/v2/enqueue', routing_key: '{{ .CommonLabels.severity }}-key', details: {nested: {a: '{{ .Status }}'}}, links: [{href: 'http://l', text: t}], images: [{src: ''}]}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /v2/enqueue");
    let body = asked.json();
    assert_eq!(
        (&body["routing_key"], &body["event_action"], &body["dedup_key"]),
        (&json!("critical-key"), &json!("trigger"), &json!(KEY_HASH))
    );
    assert_eq!(
        (&body["client"], &body["links"], body.get("images")),
        (
            &json!("Alertmanager"),
            &json!([{ "href": "http://l", "text": "t" }]),
            None
        )
    );
    let payload = &body["payload"];
    assert_eq!(
        (&payload["summary"], &payload["severity"], &payload["source"]),
        (
            &json!("[FIRING:1] Down (critical)"),
            &json!("error"),
            &json!("Alertmanager")
        )
    );
    let details = &payload["custom_details"];
    assert_eq!(
        (&details["nested"], &details["num_firing"]),
        (&json!({ "a": "firing" }), &json!(1))
    );
    assert_eq!(details["firing"][0]["labels"]["alertname"], "Down");
    assert_eq!(request(settings, &resolved()).await.json()["event_action"], "resolve");
}

#[tokio::test]
async fn pagerduty_drops_details_that_are_too_large() {
    let mut large = firing();
    large.alerts[0].annotations = vec![("summary".to_owned(), "x".repeat(600_000))].into();
    let body = request(
        "  pagerduty_configs: [{url: SITE, routing_key: k, description: d}]\n",
        &large,
    )
    .await
    .json();
    let error = body["payload"]["custom_details"]["error"].as_str().expect("a note");
    assert!(error.contains("maximum size of 512KB"), "{error}");
}

#[tokio::test]
async fn pagerduty_v1() {
    let site = Site::start(Vec::new()).await;
    let endpoints = Endpoints {
        pagerduty_v1: format!("{}/v1", site.url),
        ..Endpoints::default()
    };
    let receiver = receiver("  pagerduty_configs: [{service_key: k}]\n");
    let notifier = notifier_of(receiver, endpoints);
    notifier.notify(&firing()).await.expect("it is sent");
    notifier.notify(&resolved()).await.expect("it is sent");
    let asked = site.asked();
    let (first, second) = (asked[0].json(), asked[1].json());
    assert_eq!(asked[0].line, "POST /v1");
    assert_eq!(
        (&first["service_key"], &first["event_type"], &first["incident_key"]),
        (&json!("k"), &json!("trigger"), &json!(KEY_HASH))
    );
    assert_eq!(first["client_url"], "http://am/#/alerts?receiver=r");
    assert_eq!((&second["event_type"], second.get("client")), (&json!("resolve"), None));
}

#[tokio::test]
async fn opsgenie() {
    let settings = "  opsgenie_configs: [{api_url: SITE, api_key: k, message: '{{ printf \"%200d\" 1 }}', description: d, tags: 'a,,b', priority: P1, details: {x: y}, update_alerts: true, responders: [{name: 'one,two', type: teams}, {username: u, type: user}]}]\n";
    let asked = requests(settings, &firing(), Vec::new()).await;
    let lines: Vec<&str> = asked.iter().map(|one| one.line.as_str()).collect();
    let of = |part: &str| format!("PUT /v2/alerts/{KEY_HASH}/{part}?identifierType=alias");
    assert_eq!(lines, ["POST /v2/alerts", &of("message"), &of("description")]);
    assert!(asked.iter().all(|one| one.header("authorization") == "GenieKey k"));
    let body = asked[0].json();
    let message = body["message"].as_str().expect("a message");
    assert_eq!((message.chars().count(), message.ends_with('…')), (130, true));
    assert_eq!(
        (&body["alias"], &body["tags"], &body["priority"]),
        (&json!(KEY_HASH), &json!(["a", "b"]), &json!("P1"))
    );
    assert_eq!(
        body["details"],
        json!({ "alertname": "Down", "severity": "critical", "x": "y" })
    );
    let responders = json!([{ "name": "one", "type": "team" }, { "name": "two", "type": "team" }, { "username": "u", "type": "user" }]);
    assert_eq!(body["responders"], responders);
    assert_eq!(asked[2].json(), json!({ "description": "d" }));
    let closed = request(settings, &resolved()).await;
    assert_eq!(
        closed.line,
        format!("POST /v2/alerts/{KEY_HASH}/close?identifierType=alias")
    );
    assert_eq!(closed.json(), json!({ "source": "http://am/#/alerts?receiver=r" }));
}

#[tokio::test]
async fn victorops() {
    let settings = "  victorops_configs: [{api_url: SITE, api_key: k, routing_key: team, message_type: odd, state_message: m, custom_fields: {f: '{{ .Status }}'}}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /k/team");
    let mut expect = json!({
        "f": "firing",
        "message_type": "CRITICAL",
        "entity_id": KEY_HASH,
        "entity_display_name": "[FIRING:1] Down (critical)",
        "state_message": "m",
        "monitoring_tool": "Alertmanager",
    });
    assert_eq!(asked.json(), expect);
    expect["message_type"] = "RECOVERY".into();
    expect["f"] = "resolved".into();
    expect["entity_display_name"] = "[RESOLVED] Down (critical)".into();
    assert_eq!(request(settings, &resolved()).await.json(), expect);
}

#[tokio::test]
async fn incidentio() {
    let settings = "  incidentio_configs: [{url: 'SITE/i', alert_source_token: t}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(
        (asked.line.as_str(), asked.header("authorization")),
        ("POST /i", "Bearer t")
    );
    let body = asked.json();
    assert_eq!((&body["version"], &body["status"]), (&json!("1"), &json!("firing")));
    assert_eq!(request(settings, &resolved()).await.json()["status"], "resolved");
    let mut large = firing();
    large.alerts[0].annotations = vec![("summary".to_owned(), "x".repeat(300_000))].into();
    large.alerts.push(large.alerts[0].clone());
    let body = request(settings, &large).await.json();
    assert_eq!(
        (body["alerts"].as_array().map(Vec::len), &body["truncatedAlerts"]),
        (Some(1), &json!(1))
    );
}

const JIRA: &str = "  jira_configs: [{api_url: 'SITE/rest/api/2', project: P, issue_type: Bug, labels: [z, '{{ .CommonLabels.severity }}'], description: {template: d, enable_update: false}, fields: {customfield_1: {value: '{{ len .Alerts }}'}}, reopen_transition: Open, resolve_transition: Done, reopen_duration: 1h, wont_fix_resolution: no}]\n";

fn issue(category: &str) -> Reply {
    Reply::json(&format!(
        "{{\"issues\":[{{\"key\":\"P-1\",\"fields\":{{\"status\":{{\"name\":\"x\",\"statusCategory\":{{\"key\":\"{category}\"}}}}}}}}]}}"
    ))
}

fn transitions() -> Reply {
    Reply::json("{\"transitions\":[{\"id\":\"11\",\"name\":\"Open\"},{\"id\":\"12\",\"name\":\"Done\"}]}")
}

#[tokio::test]
async fn jira_opens_an_issue() {
    let asked = requests(JIRA, &firing(), vec![Reply::json("{\"issues\":[]}")]).await;
    let label = format!("ALERT{{{KEY_HASH}}}");
    assert_eq!(asked[0].line, "POST /rest/api/2/search");
    let jql = format!(
        "resolution != \"no\" and (resolutiondate is EMPTY OR resolutiondate >= -60m) and project=\"P\" and labels=\"{label}\" order by status ASC,resolutiondate DESC"
    );
    assert_eq!(
        asked[0].json(),
        json!({ "jql": jql, "maxResults": 2, "fields": ["status"] })
    );
    assert_eq!((asked[1].line.as_str(), asked.len()), ("POST /rest/api/2/issue", 2));
    let fields = json!({
        "customfield_1": { "value": 1 },
        "project": { "key": "P" },
        "issuetype": { "name": "Bug" },
        "summary": "[FIRING:1] Down (critical)",
        "description": "d",
        "labels": [label, "critical", "z"],
        "priority": { "name": "High" },
    });
    assert_eq!(asked[1].json(), json!({ "fields": fields }));
    let nothing = requests(JIRA, &resolved(), vec![Reply::json("{\"issues\":[]}")]).await;
    assert_eq!(nothing.len(), 1, "{nothing:?}");
}

#[tokio::test]
async fn jira_updates_reopens_and_resolves() {
    let updated = vec![issue("done"), Reply::text(204, ""), transitions()];
    let asked = requests(JIRA, &firing(), updated).await;
    let lines: Vec<&str> = asked.iter().map(|one| one.line.as_str()).collect();
    let expect = [
        "POST /rest/api/2/search",
        "PUT /rest/api/2/issue/P-1",
        "GET /rest/api/2/issue/P-1/transitions",
        "POST /rest/api/2/issue/P-1/transitions",
    ];
    assert_eq!(lines, expect);
    assert_eq!(asked[1].json()["fields"].get("description"), None);
    assert_eq!(asked[3].json(), json!({ "transition": { "id": "11" } }));
    let closed = vec![issue("indeterminate"), Reply::text(204, ""), transitions()];
    let asked = requests(JIRA, &resolved(), closed).await;
    assert!(
        asked[0].json()["jql"]
            .as_str()
            .expect("a query")
            .contains("statusCategory != Done and project")
    );
    assert_eq!(asked[3].json(), json!({ "transition": { "id": "12" } }));
}

#[tokio::test]
async fn jira_cloud_searches_elsewhere() {
    let cloud = JIRA.replace("project: P", "api_type: cloud, project: P");
    let asked = requests(&cloud, &resolved(), vec![Reply::json("{\"issues\":[]}")]).await;
    assert_eq!(asked[0].line, "POST /rest/api/3/search/jql");
}
