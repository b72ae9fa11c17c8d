//! Objects of the Prometheus operator, of a file and of a cluster that changes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use crate::program::Program;
use crate::webhook::eventually;

/// A cluster with one service, one pod and one ingress, and the objects that tell what to do with them.
struct Cluster {
    monitors: Mutex<Vec<Value>>,
    /// What watches of a list are told.
    lines: broadcast::Sender<(&'static str, String)>,
}

/// Where the service is: what is scraped need not answer, it is a target all the same.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 9;

impl Cluster {
    /// Starts it; gives its address.
    async fn start() -> (Arc<Self>, String) {
        let cluster = Arc::new(Self {
            monitors: Mutex::new(vec![monitor("20s")]),
            lines: broadcast::channel(16).0,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&cluster));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (cluster, format!("http://{address}"))
    }

    fn items(&self, path: &str) -> Vec<Value> {
        match path.rsplit('/').next().expect("a list") {
            "servicemonitors" => self.monitors.lock().clone(),
            "podmonitors" => vec![pod_monitor("30s")],
            "probes" => vec![
                probe("pages", &json!({"staticConfig": {"static": ["https://a.example"]}})),
                probe(
                    "fronts",
                    &json!({"ingress": {"selector": {"matchLabels": {"probe": "yes"}}}}),
                ),
            ],
            "pods" => vec![json!({
                "metadata": {"name": "batch-1", "namespace": "shop", "uid": "u1", "labels": {"app": "batch"}},
                "spec": {"nodeName": "n", "containers": [{"name": "worker", "ports": [
                    {"name": "metrics", "containerPort": PORT, "protocol": "TCP"},
                    {"name": "other", "containerPort": 10, "protocol": "TCP"}
                ]}]},
                "status": {"podIP": HOST, "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            })],
            "ingresses" => vec![json!({
                "metadata": {"name": "front", "namespace": "shop", "labels": {"probe": "yes"}},
                "spec": {"tls": [{"hosts": ["b.example"]}],
                         "rules": [{"host": "b.example", "http": {"paths": [{"path": "/cart"}]}}]}
            })],
            "prometheusrules" => vec![rule("good", "vector(1)"), rule("broken", "1 +")],
            "endpoints" => vec![json!({
                "metadata": {"name": "web", "namespace": "shop"},
                "subsets": [{"addresses": [{"ip": HOST}], "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}]}]
            })],
            "services" => vec![json!({
                "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
                "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": PORT}]}
            })],
            _ => Vec::new(),
        }
    }

    /// Tells the watches of a list.
    fn tell(&self, list: &'static str, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.lines.send((list, line)).expect("it is watched");
    }
}

fn monitor(interval: &str) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "2"},
        "spec": {"jobLabel": "app", "selector": {"matchLabels": {"app": "web"}},
                 "endpoints": [{"port": "http", "interval": interval}]}
    })
}

fn pod_monitor(interval: &str) -> Value {
    json!({
        "metadata": {"name": "batch", "namespace": "shop", "resourceVersion": "3"},
        "spec": {"selector": {"matchLabels": {"app": "batch"}},
                 "podMetricsEndpoints": [{"port": "metrics", "interval": interval}]}
    })
}

fn probe(name: &str, targets: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "4"},
        "spec": {"module": "http_2xx", "prober": {"url": format!("{HOST}:{PORT}")}, "targets": targets}
    })
}

fn rule(name: &str, expression: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"groups": [{"name": name, "rules": [{"record": "one", "expr": expression}]}]}
    })
}

async fn answer(State(cluster): State<Arc<Cluster>>, uri: Uri, Query(query): Query<Vec<(String, String)>>) -> Response {
    if !query.iter().any(|(name, _)| name == "watch") {
        let items = cluster.items(uri.path());
        return axum::Json(json!({"metadata": {"resourceVersion": "1"}, "items": items})).into_response();
    }
    let list = uri.path().rsplit('/').next().expect("a list").to_owned();
    let lines = futures_util::stream::unfold(cluster.lines.subscribe(), move |mut lines| {
        let list = list.clone();
        async move {
            loop {
                let (told, line) = lines.recv().await.ok()?;
                if told == list {
                    return Some((Ok::<_, std::convert::Infallible>(line), lines));
                }
            }
        }
    });
    Body::from_stream(lines).into_response()
}

/// The active targets of a job by their labels, and one more field of each.
async fn targets_with(program: &Program, pool: &str, field: &str) -> Vec<(Value, Value)> {
    let answer = program.get("/api/v1/targets", &[("scrapePool", pool.to_owned())]).await;
    let active = answer["data"]["activeTargets"].as_array().expect("a list");
    let pair = |target: &Value| (target["labels"].clone(), target[field].clone());
    active.iter().map(pair).collect()
}

/// The active targets of a job by their labels and intervals.
async fn targets(program: &Program, pool: &str) -> Vec<(Value, Value)> {
    targets_with(program, pool, "scrapeInterval").await
}

#[tokio::test]
async fn monitors_and_rules_of_a_cluster_are_followed() {
    const POOL: &str = "serviceMonitor/shop/web/0";
    let (cluster, address) = Cluster::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--kubernetes.follow-objects", "--kubernetes.api-server", &address];
    let program = Program::start(folder.path(), &flags).await;

    let found = eventually("the service is a target", async || {
        let found = targets(&program, POOL).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    let labels = json!({
        "endpoint": "http", "instance": format!("{HOST}:{PORT}"), "job": "web", "namespace": "shop", "service": "web"
    });
    assert_eq!(found, [(labels.clone(), json!("20s"))]);
    let rules = program.get("/api/v1/rules", &[]).await;
    let groups = rules["data"]["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 1, "the broken object is left out: {rules}");
    assert_eq!(groups[0]["name"], "good");

    cluster.tell("servicemonitors", "MODIFIED", &monitor("40s"));
    eventually("the new interval holds", async || {
        let found = targets(&program, POOL).await;
        (found == [(labels.clone(), json!("40s"))]).then_some(())
    })
    .await;
    cluster.tell("servicemonitors", "DELETED", &monitor("40s"));
    eventually("the job is gone", async || {
        targets(&program, POOL).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn pod_monitors_and_probes_of_a_cluster_are_followed() {
    const PODS: &str = "podMonitor/shop/batch/0";
    let (cluster, address) = Cluster::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--kubernetes.follow-objects", "--kubernetes.api-server", &address];
    let program = Program::start(folder.path(), &flags).await;
    let become_so = async |pool: &str, field: &str, expected: &[(Value, Value)]| {
        eventually(&format!("{pool} has {expected:?}"), async || {
            (targets_with(&program, pool, field).await == expected).then_some(())
        })
        .await;
    };
    let pod = json!({
        "container": "worker", "endpoint": "metrics", "instance": format!("{HOST}:{PORT}"), "job": "shop/batch",
        "namespace": "shop", "pod": "batch-1"
    });
    become_so(PODS, "scrapeInterval", &[(pod.clone(), json!("30s"))]).await;
    let asked = |target: &str| json!(format!("http://{HOST}:{PORT}/probe?module=http_2xx&target={target}"));
    let page = json!({"instance": "https://a.example", "job": "probe/shop/pages", "namespace": "shop"});
    become_so(
        "probe/shop/pages",
        "scrapeUrl",
        &[(page, asked("https%3A%2F%2Fa.example"))],
    )
    .await;
    let front = json!({
        "ingress": "front", "instance": "https://b.example/cart", "job": "probe/shop/fronts", "namespace": "shop"
    });
    let front = [(front, asked("https%3A%2F%2Fb.example%2Fcart"))];
    become_so("probe/shop/fronts", "scrapeUrl", &front).await;

    cluster.tell("podmonitors", "MODIFIED", &pod_monitor("50s"));
    become_so(PODS, "scrapeInterval", &[(pod, json!("50s"))]).await;
    cluster.tell("podmonitors", "DELETED", &pod_monitor("50s"));
    become_so(PODS, "scrapeInterval", &[]).await;
    let moved = probe("pages", &json!({"staticConfig": {"static": ["https://c.example"]}}));
    cluster.tell("probes", "MODIFIED", &moved);
    let page = json!({"instance": "https://c.example", "job": "probe/shop/pages", "namespace": "shop"});
    become_so(
        "probe/shop/pages",
        "scrapeUrl",
        &[(page, asked("https%3A%2F%2Fc.example"))],
    )
    .await;
    become_so("probe/shop/fronts", "scrapeUrl", &front).await;
}

#[tokio::test]
async fn objects_of_files_are_loaded_and_broken_ones_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects.json");
    let probe = |targets: Value| {
        json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Probe", "metadata": {"name": "site", "namespace": "shop"},
            "spec": {"prober": {"url": "127.0.0.1:9"}, "targets": targets}
        })
    };
    let mut rule = rule("of-the-file", "vector(1)");
    rule["apiVersion"] = json!("monitoring.coreos.com/v1");
    rule["kind"] = json!("PrometheusRule");
    let write = |objects: Value| std::fs::write(&file, objects.to_string()).expect("writable");
    let good = probe(json!({"staticConfig": {"static": ["https://a.example"]}}));
    write(json!({"apiVersion": "v1", "kind": "List", "items": [good, rule]}));
    let path = file.display().to_string();
    let program = Program::start(&folder.path().join("data"), &["--kubernetes.objects", &path]).await;
    let found = eventually("the page is a target", async || {
        let found = targets(&program, "probe/shop/site").await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found[0].0["instance"], "https://a.example");
    let rules = program.get("/api/v1/rules", &[]).await;
    assert_eq!(rules["data"]["groups"][0]["name"], "of-the-file");

    write(probe(json!({})));
    let (status, _) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 500, "a broken object is refused");
    assert_eq!(
        targets(&program, "probe/shop/site").await.len(),
        1,
        "and changes nothing"
    );
}
