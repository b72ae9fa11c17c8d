//! Tests of the API in this process. Bodies of errors are those that Alertmanager answers.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::Pin;

use axum::body::Body;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::Value;
use skopos_alertmanager::machine::{Change, Options};
use skopos_alertmanager::{Alertmanager, Config, LoadOptions};
use skopos_core::ManualClock;
use tower::ServiceExt;

use super::*;
use crate::options::BuildInfo;
use crate::views::{ReloadStatus, Reloader};

const CONFIG: &str = "
route: {receiver: default, group_by: [alertname], group_wait: 1s}
receivers:
- {name: default, webhook_configs: [{url: 'http://example.org/secret'}], labels: {team: a}}
- {name: other}
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}]
";
const NOW_MS: i64 = 1_790_000_000_123;

#[derive(Debug, Default)]
struct Sink {
    stored: Mutex<Vec<String>>,
    is_broken: Mutex<bool>,
}

impl ChangeSink for Sink {
    fn store<'a>(&'a self, changes: &'a [Change]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        if *self.is_broken.lock() {
            return Box::pin(ready(Err("disk full".to_owned())));
        }
        self.stored.lock().extend(changes.iter().map(Change::key));
        Box::pin(ready(Ok(())))
    }
}

#[derive(Debug)]
struct NoReload;

impl Reloader for NoReload {
    fn reload(&self) -> Result<(), String> {
        Err("alertmanager.yml:1:1: no route provided in config".to_owned())
    }

    fn last_reload(&self) -> ReloadStatus {
        ReloadStatus {
            succeeded: false,
            loaded_at_ms: 1_000,
            attempted_at_ms: 1_000,
        }
    }
}

struct Api {
    handle: Arc<AlertmanagerHandle>,
    sink: Arc<Sink>,
    prefix: &'static str,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

impl Api {
    fn new() -> Self {
        let config = Config::parse(CONFIG, &LoadOptions::default()).expect("a valid configuration");
        let sink = Arc::new(Sink::default());
        let handle = AlertmanagerHandle::new(HandleParts {
            machine: Alertmanager::new(&config, Options::default(), NOW_MS),
            config_text: config.to_yaml(),
            clock: Arc::new(ManualClock::at_ms(NOW_MS)),
            sink: Arc::clone(&sink) as _,
            reloader: Arc::new(NoReload),
            build: BuildInfo {
                version: "1.2.3".to_owned(),
                revision: String::new(),
                branch: String::new(),
                build_date: String::new(),
            },
        });
        Self {
            handle: Arc::new(handle),
            sink,
            prefix: "",
        }
    }

    async fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let router = alertmanager_router(Arc::clone(&self.handle), self.prefix);
        let response = router.oneshot(request).await.expect("routers do not fail");
        let status = response.status().as_u16();
        let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)));
        let headers = headers.collect();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        Answer {
            status,
            headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, "application/json", body).await
    }
}

const SILENCE: &str = r#"{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"2031-01-01T00:00:00Z","createdBy":"x","comment":"c"}"#;

#[tokio::test]
async fn refusals_have_alertmanagers_words() {
    let api = Api::new();
    let cases = [
        (
            "/api/v2/alerts",
            r#"[{"annotations":{"a":"b"}}]"#,
            422,
            r#"{"code":602,"message":"0.labels in body is required"}"#,
        ),
        (
            "/api/v2/alerts",
            "{",
            400,
            r#"{"code":400,"message":"parsing alerts body from \"\" failed, because unexpected EOF"}"#,
        ),
        (
            "/api/v2/alerts",
            "{}",
            400,
            r#"{"code":400,"message":"parsing alerts body from \"\" failed, because json: cannot unmarshal object into Go value of type models.PostableAlerts"}"#,
        ),
        (
            "/api/v2/alerts",
            "",
            422,
            r#"{"code":602,"message":"alerts in body is required"}"#,
        ),
        (
            "/api/v2/alerts",
            r#"[{"labels":{"a":"b"},"generatorURL":"::x y"}]"#,
            422,
            r#"{"code":601,"message":"0.generatorURL in body must be of type uri: \"::x y\""}"#,
        ),
        (
            "/api/v2/alerts",
            r#"[{"labels":{}},{"labels":{"q":"x"}}]"#,
            400,
            r#""at least one label pair required""#,
        ),
        (
            "/api/v2/silences",
            r#"{"matchers":[],"startsAt":"2030-01-01T00:00:00Z","endsAt":"2031-01-01T00:00:00Z","createdBy":"x","comment":"c"}"#,
            422,
            r#"{"code":612,"message":"matchers in body should have at least 1 items"}"#,
        ),
        (
            "/api/v2/silences",
            "{}",
            422,
            r#"{"code":602,"message":"comment in body is required"}"#,
        ),
        (
            "/api/v2/silences",
            r#"{"matchers":[{"name":"a","value":"("}],"startsAt":"2030-01-01T00:00:00Z","endsAt":"2031-01-01T00:00:00Z","createdBy":"x","comment":""}"#,
            422,
            r#"{"code":602,"message":"matchers.0.isRegex in body is required"}"#,
        ),
    ];
    for (path, body, status, expected) in cases {
        let answer = api.post(path, body).await;
        assert_eq!((answer.status, answer.text.trim_end()), (status, expected), "{body}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let unknown = SILENCE.replacen('{', r#"{"id":"abc","#, 1);
    let answer = api.post("/api/v2/silences", &unknown).await;
    assert_eq!((answer.status, answer.text.trim_end()), (404, r#""silence not found""#));
    let answer = api.send("POST", "/api/v2/alerts", "text/plain", "[]").await;
    let message =
        r#"{"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"}"#;
    assert_eq!((answer.status, answer.text.trim_end()), (415, message));
}

#[tokio::test]
async fn unknown_paths_methods_and_ids() {
    let api = Api::new();
    let answer = api.get("/api/v2/nothing").await;
    assert_eq!(
        (answer.status, answer.text.trim_end()),
        (404, r#"{"code":404,"message":"path /api/v2/nothing was not found"}"#)
    );
    let answer = api.send("PUT", "/api/v2/alerts", "application/json", "").await;
    let message = r#"{"code":405,"message":"method PUT is not allowed, but [GET,POST] are"}"#;
    assert_eq!((answer.status, answer.text.trim_end()), (405, message));
    assert_eq!(answer.headers["allow"], "GET,POST");
    let answer = api.get("/api/v2/silence/notauuid").await;
    let message = r#"{"code":601,"message":"silenceID in path must be of type uuid: \"notauuid\""}"#;
    assert_eq!((answer.status, answer.text.trim_end()), (422, message));
    for method in ["GET", "DELETE"] {
        let path = "/api/v2/silence/00000000-0000-4000-8000-000000000000";
        let answer = api.send(method, path, "", "").await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{method}");
    }
    let answer = api.get("/api/v1/alerts").await;
    assert_eq!(answer.status, 410);
    assert_eq!(answer.json()["status"], "deprecated");
}

#[tokio::test]
async fn an_alert_is_shown_as_it_was_posted() {
    let api = Api::new();
    let body = r#"[{"labels":{"alertname":"x","severity":"warning","none":""},"annotations":{"s":"t"},"startsAt":"2026-09-21T13:00:00.5+02:00","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://example.org/g"}]"#;
    let answer = api.post("/api/v2/alerts", body).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(
        api.sink.stored.lock().len(),
        1,
        "it is stored before it is acknowledged"
    );
    let shown = api.get("/api/v2/alerts").await.json();
    let expected = json!([{
        "annotations": {"s": "t"},
        "endsAt": "2026-09-21T14:18:20.123Z",
        "fingerprint": shown[0]["fingerprint"],
        "receivers": [{"name": "default"}],
        "startsAt": "2026-09-21T11:00:00.500Z",
        "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": "2026-09-21T14:13:20.123Z",
        "generatorURL": "http://example.org/g",
        "labels": {"alertname": "x", "severity": "warning"},
    }]);
    assert_eq!(shown, expected);
    let groups = api.get("/api/v2/alerts/groups").await.json();
    assert_eq!(groups[0]["labels"], json!({"alertname": "x"}));
    assert_eq!(groups[0]["receiver"], json!({"name": "default"}));
    assert_eq!(groups[0]["routeLabels"], json!({}));
    assert_eq!(groups[0]["alerts"][0], shown[0]);
    for (query, count) in [
        ("", 1),
        ("?filter=severity%3Dwarning", 1),
        ("?filter=severity%3Dcritical", 0),
        ("?active=false", 0),
        ("?active=nonsense", 0),
        ("?active=", 1),
        ("?receiver=def.*", 1),
        ("?receiver=def", 0),
        ("?receiver_matchers=team%3Da", 1),
        ("?receiver_matchers=name%3Dother", 0),
    ] {
        let shown = api.get(&format!("/api/v2/alerts{query}")).await.json();
        assert_eq!(shown.as_array().map(Vec::len), Some(count), "{query}");
    }
    assert_eq!(api.get("/api/v2/alerts?filter=%7Ba%3Db%7D").await.status, 400);
    let answer = api.get("/api/v2/alerts?receiver=(").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .contains("failed to parse receiver param: error parsing regexp"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn silences_suppress_at_once_and_end() {
    let api = Api::new();
    api.post("/api/v2/alerts", r#"[{"labels":{"a":"b"}}]"#).await;
    let made = api.post("/api/v2/silences", SILENCE).await;
    assert_eq!(made.status, 200);
    let id = made.json()["silenceID"].as_str().expect("an id").to_owned();
    let status = api.get("/api/v2/alerts").await.json()[0]["status"].clone();
    assert_eq!(
        (status["state"].clone(), status["silencedBy"].clone()),
        (json!("suppressed"), json!([id]))
    );
    let shown = api.get(&format!("/api/v2/silence/{id}")).await.json();
    let expected = json!({
        "id": id,
        "status": {"state": "active"},
        "updatedAt": "2026-09-21T14:13:20.123Z",
        "comment": "c",
        "createdBy": "x",
        "endsAt": "2031-01-01T00:00:00.000Z",
        "matchers": [{"name": "a", "value": "b", "isRegex": false, "isEqual": true}],
        "startsAt": "2026-09-21T14:13:20.123Z",
    });
    assert_eq!(shown, expected);
    assert_eq!(
        api.send("DELETE", &format!("/api/v2/silence/{id}"), "", "")
            .await
            .status,
        200
    );
    assert_eq!(api.get("/api/v2/alerts").await.json()[0]["status"]["state"], "active");
    for (query, count) in [
        ("", 1),
        ("?expired=false", 0),
        ("?filter=a%3Db", 1),
        ("?filter=a%3D~b", 0),
    ] {
        let shown = api.get(&format!("/api/v2/silences{query}")).await.json();
        assert_eq!(shown.as_array().map(Vec::len), Some(count), "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged_and_is_stored_later() {
    let api = Api::new();
    *api.sink.is_broken.lock() = true;
    let answer = api.post("/api/v2/alerts", r#"[{"labels":{"a":"b"}}]"#).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("disk full"), "{}", answer.text);
    *api.sink.is_broken.lock() = false;
    assert_eq!(
        api.post("/api/v2/alerts", r#"[{"labels":{"a":"c"}}]"#).await.status,
        200
    );
    assert_eq!(api.sink.stored.lock().len(), 2);
}

#[tokio::test]
async fn status_receivers_metrics_and_management() {
    let api = Api {
        prefix: "/am",
        ..Api::new()
    };
    let status = api.get("/api/v2/status").await.json();
    assert_eq!(status["cluster"], json!({"status": "disabled", "peers": []}));
    assert_eq!(status["uptime"], "2026-09-21T14:13:20.123Z");
    let original = status["config"]["original"].as_str().expect("a text");
    assert!(
        original.contains("<secret>") && !original.contains("example.org/secret"),
        "{original}"
    );
    let receivers = api.get("/api/v2/receivers").await.json();
    let expected = json!([
        {"name": "default", "labels": {"name": "default", "team": "a"}},
        {"name": "other", "labels": {"name": "other"}},
    ]);
    assert_eq!(receivers, expected);
    assert_eq!(api.get("/-/healthy").await.text, "OK");
    assert_eq!(api.get("/-/ready").await.text, "OK");
    let reload = api.post("/-/reload", "").await;
    assert_eq!(reload.status, 500);
    assert!(reload.text.contains("no route provided in config"));
    let metrics = api.get("/metrics").await.text;
    for line in [
        "alertmanager_receivers 2",
        "alertmanager_inhibition_rules 1",
        "alertmanager_notifications_total{integration=\"webhook\"} 0",
        "alertmanager_alerts{state=\"active\"} 0",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line} is missing in\n{metrics}"
        );
    }
}
