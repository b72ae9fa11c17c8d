//! Consul discovery, against the answers of its HTTP API.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as UrlPath, Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::found::{assert_labels, discover, labels_at, serve, until};

/// A catalog whose index tells its version.
#[derive(Debug, Clone)]
struct Catalog {
    index: u64,
    services: Value,
    instances: Value,
}

type Shared = Arc<watch::Sender<Catalog>>;
type Parameters = Query<Vec<(String, String)>>;

fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.as_str())
}

/// Holds an answer back until the catalog is past the index of the question, as Consul does.
async fn past(shared: &Shared, headers: &HeaderMap, parameters: &[(String, String)]) -> Catalog {
    assert_eq!(headers["X-Consul-Token"], "secret");
    assert_eq!(parameter(parameters, "dc"), Some("dc1"));
    assert_eq!(parameter(parameters, "stale"), Some(""));
    assert_eq!(parameter(parameters, "node-meta"), Some("rack:7"));
    let index: u64 = parameter(parameters, "index")
        .and_then(|index| index.parse().ok())
        .expect("an index");
    let mut receiver = shared.subscribe();
    receiver
        .wait_for(|catalog| catalog.index > index)
        .await
        .expect("the test goes on")
        .clone()
}

async fn services(State(shared): State<Shared>, headers: HeaderMap, Query(query): Parameters) -> impl IntoResponse {
    let catalog = past(&shared, &headers, &query).await;
    ([("X-Consul-Index", catalog.index.to_string())], Json(catalog.services))
}

async fn health(
    State(shared): State<Shared>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> impl IntoResponse {
    assert_eq!(name, "web");
    let tags: Vec<_> = query.iter().filter(|(name, _)| name == "tag").collect();
    assert_eq!(tags.len(), 1);
    let catalog = past(&shared, &headers, &query).await;
    ([("X-Consul-Index", catalog.index.to_string())], Json(catalog.instances))
}

fn instance(id: &str, address: &str, port: u16, status: &str) -> Value {
    json!({
        "Node": {
            "ID": "n-1", "Node": "node-1", "Address": "10.0.0.9", "Datacenter": "dc1",
            "TaggedAddresses": {"lan": "10.0.0.9", "wan": "198.51.100.9"}, "Meta": {"rack": "7"}
        },
        "Service": {
            "ID": id, "Service": "web", "Tags": ["http", "v2"], "Address": address, "Port": port,
            "Meta": {"metrics-path": "/m"}, "Namespace": "default", "Partition": "default"
        },
        "Checks": [{"CheckID": "serfHealth", "Status": "passing"}, {"CheckID": "service:web", "Status": status}]
    })
}

#[tokio::test]
async fn services_are_followed_by_blocking_queries() {
    let (sender, _receiver) = watch::channel(Catalog {
        index: 7,
        services: json!({"consul": [], "web": ["http", "v2"], "web-admin": ["internal"]}),
        instances: json!([instance("web-1", "", 80, "passing")]),
    });
    let shared: Shared = Arc::new(sender);
    let router = Router::new()
        .route(
            "/v1/agent/self",
            get(|| async { Json(json!({"Config": {"Datacenter": "dc1"}})) }),
        )
        .route("/v1/catalog/services", get(services))
        .route("/v1/health/service/{name}", get(health))
        .with_state(Arc::clone(&shared));
    let server = serve(router).await;
    let section = format!(
        "consul_sd_configs: [{{server: '{server}', token: secret, tags: [http], node_meta: {{rack: '7'}}, refresh_interval: 50ms}}]"
    );
    let mut discoveries = discover(&section, Path::new("."));
    let groups = until(&mut discoveries, &["10.0.0.9:80"]).await;
    assert_labels(
        labels_at(&groups, "10.0.0.9:80"),
        &[
            ("__meta_consul_address", "10.0.0.9"),
            ("__meta_consul_dc", "dc1"),
            ("__meta_consul_health", "passing"),
            ("__meta_consul_metadata_rack", "7"),
            ("__meta_consul_namespace", "default"),
            ("__meta_consul_node", "node-1"),
            ("__meta_consul_partition", "default"),
            ("__meta_consul_service", "web"),
            ("__meta_consul_service_address", ""),
            ("__meta_consul_service_id", "web-1"),
            ("__meta_consul_service_metadata_metrics_path", "/m"),
            ("__meta_consul_service_port", "80"),
            ("__meta_consul_tagged_address_wan", "198.51.100.9"),
            ("__meta_consul_tags", ",http,v2,"),
        ],
    );

    shared.send_modify(|catalog| {
        catalog.index = 8;
        catalog.instances = json!([
            instance("web-1", "", 80, "critical"),
            instance("web-2", "10.0.0.10", 8080, "warning"),
        ]);
    });
    let groups = until(&mut discoveries, &["10.0.0.9:80", "10.0.0.10:8080"]).await;
    assert_labels(
        labels_at(&groups, "10.0.0.9:80"),
        &[("__meta_consul_health", "critical")],
    );
    assert_labels(
        labels_at(&groups, "10.0.0.10:8080"),
        &[
            ("__meta_consul_health", "warning"),
            ("__meta_consul_service_address", "10.0.0.10"),
        ],
    );

    shared.send_modify(|catalog| {
        catalog.index = 9;
        catalog.services = json!({"consul": []});
    });
    until(&mut discoveries, &[]).await;
}
