//! Kubernetes discovery, against a server with the lists and watches of its API.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use skopos_config::TargetGroup;
use skopos_discovery::Discoveries;
use tokio::sync::broadcast;

use crate::found::{addresses, assert_labels, changed, discover, labels_at, serve, until};

/// Lists by path, and the lines that watches of a path get.
struct Api {
    lists: Mutex<BTreeMap<String, Vec<Value>>>,
    lines: broadcast::Sender<(String, String)>,
}

impl Api {
    async fn start(lists: &[(&str, Vec<Value>)]) -> (Arc<Self>, String) {
        let lists = lists.iter().map(|(path, items)| ((*path).to_owned(), items.clone()));
        let api = Arc::new(Self {
            lists: Mutex::new(lists.collect()),
            lines: broadcast::channel(64).0,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&api));
        let server = serve(router).await;
        (api, server)
    }

    fn tell(&self, path: &str, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.lines.send((path.to_owned(), line)).expect("a watch is open");
    }

    /// Waits until a path is watched: what is told before that is lost.
    async fn is_watched(&self, watches: usize) {
        while self.lines.receiver_count() < watches {
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != "Bearer pass")
    {
        return (StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    }
    let value = |name: &str| {
        query
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.clone())
    };
    let path = uri.path().to_owned();
    if value("watch").is_some() {
        assert!(value("resourceVersion").is_some_and(|version| !version.is_empty()));
        return watch(&api, path);
    }
    let lists = api.lists.lock().expect("no panic");
    let Some(items) = lists.get(&path) else {
        return (StatusCode::NOT_FOUND, "no such list").into_response();
    };
    // Pages of one object show that pages are followed.
    let index: usize = value("continue").and_then(|next| next.parse().ok()).unwrap_or(0);
    let next = if index + 1 < items.len() {
        (index + 1).to_string()
    } else {
        String::new()
    };
    let page: Vec<_> = items.iter().skip(index).take(1).collect();
    axum::Json(json!({"metadata": {"resourceVersion": "100", "continue": next}, "items": page})).into_response()
}

fn watch(api: &Api, path: String) -> Response {
    let receiver = api.lines.subscribe();
    let lines = futures_util::stream::unfold((receiver, path), |(mut receiver, path)| async move {
        loop {
            let (own, line) = receiver.recv().await.ok()?;
            if own == path {
                return Some((Ok::<_, std::convert::Infallible>(line), (receiver, path)));
            }
        }
    });
    Body::from_stream(lines).into_response()
}

fn start(server: &str, rest: &str) -> Discoveries {
    let section = format!(
        "kubernetes_sd_configs: [{{api_server: 'http://{server}', authorization: {{credentials: pass}}, {rest}}}]"
    );
    discover(&section, Path::new("."))
}

async fn found(server: &str, rest: &str) -> Vec<TargetGroup> {
    changed(&mut start(server, rest)).await
}

fn pod(name: &str, ip: &str, ready: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": "u-1", "resourceVersion": "101",
            "labels": {"app.kubernetes.io/name": "web", "empty": ""}, "annotations": {"prometheus.io/scrape": "true"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5f", "controller": true}]
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [
                {"name": "web", "image": "web:1", "ports": [
                    {"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"name": "metrics", "containerPort": 9090}]},
                {"name": "proxy", "image": "proxy:2"}],
            "initContainers": [{"name": "migrate", "image": "web:1"}]
        },
        "status": {
            "phase": "Running", "podIP": ip, "hostIP": "192.0.2.1",
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"name": "web", "containerID": "containerd://abc"}], "initContainerStatuses": null
        }
    })
}

fn node() -> Value {
    json!({
        "metadata": {"name": "node-1", "labels": {"zone": "a"}, "annotations": {"note": "x"}},
        "spec": {"providerID": "aws:///i-1"},
        "status": {
            "addresses": [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "192.0.2.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}
        }
    })
}

fn service() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"tier": "front"}},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.1", "loadBalancerIP": "203.0.113.5",
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    })
}

#[tokio::test]
async fn pods_are_listed_in_pages_watched_and_forgotten() {
    let path = "/api/v1/namespaces/shop/pods";
    let pods = vec![pod("web-1", "10.1.0.1", "True"), pod("web-0", "", "False")];
    let (api, server) = Api::start(&[(path, pods), ("/api/v1/nodes", vec![node()])]).await;
    let rest = "role: pod, namespaces: {names: [shop]}, attach_metadata: {node: true}";
    let mut discoveries = start(&server, rest);
    let groups = changed(&mut discoveries).await;
    assert_eq!(
        addresses(&groups),
        ["10.1.0.1:8080", "10.1.0.1:9090", "10.1.0.1", "10.1.0.1"],
        "ports of containers; addresses alone of those without; no pod without an address"
    );
    assert_labels(
        labels_at(&groups, "10.1.0.1:8080"),
        &[
            ("__meta_kubernetes_namespace", "shop"),
            ("__meta_kubernetes_pod_name", "web-1"),
            ("__meta_kubernetes_pod_ip", "10.1.0.1"),
            ("__meta_kubernetes_pod_label_app_kubernetes_io_name", "web"),
            ("__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name", "true"),
            ("__meta_kubernetes_pod_labelpresent_empty", "true"),
            ("__meta_kubernetes_pod_annotation_prometheus_io_scrape", "true"),
            ("__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape", "true"),
            ("__meta_kubernetes_pod_container_name", "web"),
            ("__meta_kubernetes_pod_container_id", "containerd://abc"),
            ("__meta_kubernetes_pod_container_image", "web:1"),
            ("__meta_kubernetes_pod_container_init", "false"),
            ("__meta_kubernetes_pod_container_port_name", "http"),
            ("__meta_kubernetes_pod_container_port_number", "8080"),
            ("__meta_kubernetes_pod_container_port_protocol", "TCP"),
            ("__meta_kubernetes_pod_ready", "true"),
            ("__meta_kubernetes_pod_phase", "Running"),
            ("__meta_kubernetes_pod_node_name", "node-1"),
            ("__meta_kubernetes_pod_host_ip", "192.0.2.1"),
            ("__meta_kubernetes_pod_uid", "u-1"),
            ("__meta_kubernetes_pod_controller_kind", "ReplicaSet"),
            ("__meta_kubernetes_pod_controller_name", "web-5f"),
            ("__meta_kubernetes_node_label_zone", "a"),
            ("__meta_kubernetes_node_annotation_note", "x"),
        ],
    );
    assert_labels(&groups[3].labels, &[("__meta_kubernetes_pod_container_init", "true")]);

    api.is_watched(2).await;
    api.tell(path, "MODIFIED", &pod("web-0", "10.1.0.7", "False"));
    let all = until(
        &mut discoveries,
        &[
            "10.1.0.7:8080",
            "10.1.0.7:9090",
            "10.1.0.7",
            "10.1.0.7",
            "10.1.0.1:8080",
            "10.1.0.1:9090",
            "10.1.0.1",
            "10.1.0.1",
        ],
    )
    .await;
    assert_labels(
        labels_at(&all, "10.1.0.7:8080"),
        &[("__meta_kubernetes_pod_ready", "false")],
    );
    api.tell(path, "BOOKMARK", &json!({"metadata": {"resourceVersion": "200"}}));
    api.tell(path, "DELETED", &pod("web-1", "10.1.0.1", "True"));
    until(
        &mut discoveries,
        &["10.1.0.7:8080", "10.1.0.7:9090", "10.1.0.7", "10.1.0.7"],
    )
    .await;

    // A forgotten version: what happened since is in the next list.
    api.lists.lock().expect("no panic").insert(path.to_owned(), vec![]);
    api.tell(
        path,
        "ERROR",
        &json!({"kind": "Status", "code": 410, "message": "too old resource version"}),
    );
    until(&mut discoveries, &[]).await;
}

#[tokio::test]
async fn nodes_services_and_ingresses() {
    let ingress = json!({
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {
            "ingressClassName": "nginx", "tls": [{"hosts": ["*.example.com"]}],
            "rules": [
                {"host": "shop.example.com", "http": {"paths": [{"path": "/cart"}, {"path": ""}]}},
                {"host": "plain.example.org"}]
        }
    });
    let (_api, server) = Api::start(&[
        ("/api/v1/nodes", vec![node()]),
        ("/api/v1/services", vec![service()]),
        ("/apis/networking.k8s.io/v1/ingresses", vec![ingress]),
        (
            "/api/v1/namespaces",
            vec![json!({"metadata": {"name": "shop", "labels": {"env": "prod"}}})],
        ),
    ])
    .await;
    let nodes = found(&server, "role: node").await;
    assert_labels(
        labels_at(&nodes, "192.0.2.1:10250"),
        &[
            ("instance", "node-1"),
            ("__meta_kubernetes_node_name", "node-1"),
            ("__meta_kubernetes_node_provider_id", "aws:///i-1"),
            ("__meta_kubernetes_node_label_zone", "a"),
            ("__meta_kubernetes_node_address_InternalIP", "192.0.2.1"),
            ("__meta_kubernetes_node_address_Hostname", "node-1"),
        ],
    );
    let services = found(&server, "role: service, attach_metadata: {namespace: true}").await;
    assert_labels(
        labels_at(&services, "web.shop.svc:80"),
        &[
            ("__meta_kubernetes_service_name", "web"),
            ("__meta_kubernetes_service_type", "LoadBalancer"),
            ("__meta_kubernetes_service_cluster_ip", "10.96.0.1"),
            ("__meta_kubernetes_service_loadbalancer_ip", "203.0.113.5"),
            ("__meta_kubernetes_service_port_name", "http"),
            ("__meta_kubernetes_service_port_number", "80"),
            ("__meta_kubernetes_service_label_tier", "front"),
            ("__meta_kubernetes_namespace_label_env", "prod"),
        ],
    );
    let ingresses = found(&server, "role: ingress").await;
    let seen: Vec<_> = ingresses
        .iter()
        .map(|group| {
            let label = |name: &str| group.labels[&format!("__meta_kubernetes_ingress_{name}")].as_str();
            (group.targets[0].as_str(), label("scheme"), label("path"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("shop.example.com", "https", "/cart"),
            ("shop.example.com", "https", "/"),
            ("plain.example.org", "http", "/"),
        ]
    );
}

#[tokio::test]
async fn endpoints_and_slices_know_their_services_and_pods() {
    let target = json!({"kind": "Pod", "namespace": "shop", "name": "web-1"});
    let endpoints = json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"e": "1"}},
        "subsets": [{
            "addresses": [{"ip": "10.1.0.1", "nodeName": "node-1", "hostname": "h", "targetRef": target}],
            "notReadyAddresses": [{"ip": "10.1.0.2"}],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]
        }]
    });
    let slice = json!({
        "metadata": {"name": "web-abc", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{
            "addresses": ["10.1.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": "node-1", "zone": "a", "targetRef": target, "deprecatedTopology": {"topology": "t"}
        }],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]
    });
    let (_api, server) = Api::start(&[
        ("/api/v1/endpoints", vec![endpoints]),
        ("/apis/discovery.k8s.io/v1/endpointslices", vec![slice]),
        ("/api/v1/services", vec![service()]),
        ("/api/v1/pods", vec![pod("web-1", "10.1.0.1", "True")]),
    ])
    .await;
    let groups = found(&server, "role: endpoints").await;
    assert_eq!(
        addresses(&groups),
        ["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.1:9090"],
        "the pod's other port is a target too"
    );
    assert_labels(
        labels_at(&groups, "10.1.0.1:8080"),
        &[
            ("__meta_kubernetes_endpoints_name", "web"),
            ("__meta_kubernetes_endpoints_label_e", "1"),
            ("__meta_kubernetes_endpoint_hostname", "h"),
            ("__meta_kubernetes_endpoint_node_name", "node-1"),
            ("__meta_kubernetes_endpoint_ready", "true"),
            ("__meta_kubernetes_endpoint_port_name", "http"),
            ("__meta_kubernetes_endpoint_port_protocol", "TCP"),
            ("__meta_kubernetes_endpoint_address_target_kind", "Pod"),
            ("__meta_kubernetes_endpoint_address_target_name", "web-1"),
            ("__meta_kubernetes_service_name", "web"),
            ("__meta_kubernetes_service_label_tier", "front"),
            ("__meta_kubernetes_pod_name", "web-1"),
            ("__meta_kubernetes_pod_container_name", "web"),
            ("__meta_kubernetes_pod_container_port_number", "8080"),
        ],
    );
    assert_labels(
        labels_at(&groups, "10.1.0.2:8080"),
        &[
            ("__meta_kubernetes_endpoint_ready", "false"),
            ("__meta_kubernetes_pod_name", ""),
        ],
    );
    assert_labels(
        labels_at(&groups, "10.1.0.1:9090"),
        &[
            ("__meta_kubernetes_endpoint_port_name", ""),
            ("__meta_kubernetes_pod_container_port_name", "metrics"),
        ],
    );
    let groups = found(&server, "role: endpointslice").await;
    assert_eq!(addresses(&groups), ["10.1.0.1:8080", "10.1.0.1:9090"]);
    assert_labels(
        labels_at(&groups, "10.1.0.1:8080"),
        &[
            ("__meta_kubernetes_endpointslice_name", "web-abc"),
            ("__meta_kubernetes_endpointslice_address_type", "IPv4"),
            ("__meta_kubernetes_endpointslice_address_target_kind", "Pod"),
            ("__meta_kubernetes_endpointslice_endpoint_conditions_ready", "true"),
            ("__meta_kubernetes_endpointslice_endpoint_conditions_serving", "true"),
            (
                "__meta_kubernetes_endpointslice_endpoint_conditions_terminating",
                "false",
            ),
            ("__meta_kubernetes_endpointslice_endpoint_node_name", "node-1"),
            ("__meta_kubernetes_endpointslice_endpoint_zone", "a"),
            ("__meta_kubernetes_endpointslice_endpoint_topology_topology", "t"),
            (
                "__meta_kubernetes_endpointslice_endpoint_topology_present_topology",
                "true",
            ),
            ("__meta_kubernetes_endpointslice_port", "8080"),
            ("__meta_kubernetes_endpointslice_port_name", "http"),
            ("__meta_kubernetes_endpointslice_port_app_protocol", "http"),
            ("__meta_kubernetes_service_label_tier", "front"),
            ("__meta_kubernetes_pod_container_port_name", "http"),
        ],
    );
}

#[tokio::test]
async fn a_cluster_that_refuses_keeps_nobody_waiting() {
    let (_api, server) = Api::start(&[]).await;
    let section = format!(
        "kubernetes_sd_configs: [{{role: pod, api_server: 'http://{server}'}}], static_configs: [{{targets: ['s:1']}}]"
    );
    let groups = changed(&mut discover(&section, Path::new("."))).await;
    assert_eq!(addresses(&groups), ["s:1"]);
}
