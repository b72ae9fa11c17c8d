//! Alertmanager's API beside that of Prometheus, on one port.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;
use skopos_alertmanager::machine::{Change, Options};
use skopos_alertmanager::{Alertmanager, Config, LoadOptions};
use skopos_core::{Clock, SystemClock};
use skopos_server::alertmanager::{AlertmanagerHandle, ChangeSink, HandleParts};
use skopos_server::views::ReloadStatus;
use skopos_server::{BuildInfo, Reloader};

use crate::harness::{Answer, Harness};

const CONFIG: &str = "
route:
  receiver: default
  routes: [{matchers: [severity=critical], receiver: pager}]
receivers: [{name: default}, {name: pager}]
";

#[derive(Debug)]
struct Forgetful;

impl ChangeSink for Forgetful {
    fn store<'a>(&'a self, _changes: &'a [Change]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(ready(Ok(())))
    }
}

#[derive(Debug)]
struct NoReload;

impl Reloader for NoReload {
    fn reload(&self) -> Result<(), String> {
        Ok(())
    }

    fn last_reload(&self) -> ReloadStatus {
        ReloadStatus {
            succeeded: true,
            loaded_at_ms: 0,
            attempted_at_ms: 0,
        }
    }
}

/// A machine with two receivers that nobody drives.
pub(crate) fn handle() -> Arc<AlertmanagerHandle> {
    let config = Config::parse(CONFIG, &LoadOptions::default()).expect("a valid configuration");
    Arc::new(AlertmanagerHandle::new(HandleParts {
        machine: Alertmanager::new(&config, Options::default(), SystemClock.now_ms()),
        config_text: config.to_yaml(),
        clock: Arc::new(SystemClock),
        sink: Arc::new(Forgetful),
        reloader: Arc::new(NoReload),
        build: BuildInfo {
            version: "1.2.3".to_owned(),
            revision: String::new(),
            branch: String::new(),
            build_date: String::new(),
        },
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_apis_answer_on_one_port() {
    let server = Harness::start().await;
    let url = |path: &str| format!("http://{}{path}", server.http);
    let posted = server
        .client
        .post(url("/api/v2/alerts"))
        .json(&json!([{"labels": {"alertname": "x"}}]));
    assert_eq!(Answer::of(posted).await.status, 200);
    let ours = Answer::of(server.client.get(url("/api/v2/alerts"))).await;
    assert_eq!(ours.json()[0]["labels"]["alertname"], "x");
    let groups = Answer::of(server.client.get(url("/api/v2/alerts/groups"))).await;
    assert_eq!(groups.json()[0]["receiver"]["name"], "default");
    // Prometheus' path of the same name shows alerts of rules.
    let prometheus = Answer::of(server.client.get(url("/api/v1/alerts"))).await;
    assert_eq!(prometheus.json(), json!({"status": "success", "data": {"alerts": []}}));
    let old = Answer::of(server.client.post(url("/api/v1/alerts")).json(&json!([]))).await;
    assert_eq!(old.status, 410);
    assert!(old.body.contains("deprecated"), "{}", old.body);
    let unknown = Answer::of(server.client.get(url("/api/v2/nothing"))).await;
    assert_eq!(unknown.json()["message"], "path /api/v2/nothing was not found");
}
