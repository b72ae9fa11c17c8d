//! Docker discovery, over a Unix socket as the engine serves it.

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::UnixListener;

use crate::found::{assert_labels, changed, discover, labels_at};

async fn networks() -> Json<Value> {
    Json(json!([
        {"Name": "bridge", "Id": "net-b", "Scope": "local", "Internal": false, "Ingress": false, "Labels": null},
        {"Name": "app_default", "Id": "net-a", "Scope": "local", "Internal": true, "Ingress": false,
         "Labels": {"com.docker.compose.network": "default"}},
        {"Name": "host", "Id": "net-h", "Scope": "local", "Internal": false, "Ingress": false, "Labels": {}}
    ]))
}

async fn containers(Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    let filters = query
        .iter()
        .find(|(name, _)| name == "filters")
        .expect("filters are sent");
    assert_eq!(filters.1, r#"{"label":["scrape=yes"]}"#);
    let network = |id: &str, ip: &str| json!({"NetworkID": id, "IPAddress": ip});
    Json(json!([
        {"Id": "c1", "Names": ["/web"], "Labels": {"com.docker.compose.service": "web"},
         "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 18080, "Type": "tcp"},
            {"PrivatePort": 9100, "Type": "tcp"},
            {"PrivatePort": 53, "Type": "udp"}],
         "HostConfig": {"NetworkMode": "app_default"},
         "NetworkSettings": {"Networks": {"app_default": network("net-a", "172.19.0.2"), "bridge": network("net-b", "172.17.0.2")}}},
        {"Id": "c2", "Names": ["/sidecar"], "Labels": {}, "Ports": [{"PrivatePort": 7000, "Type": "tcp"}],
         "HostConfig": {"NetworkMode": "container:c1"}, "NetworkSettings": {"Networks": {}}},
        {"Id": "c3", "Names": ["/agent"], "Labels": null, "Ports": [],
         "HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {"host": network("net-h", "")}}},
        {"Id": "c4", "Names": ["/batch"], "Ports": [], "HostConfig": {"NetworkMode": "bridge"},
         "NetworkSettings": {"Networks": {"bridge": network("net-b", "172.17.0.4")}}}
    ]))
}

#[tokio::test]
async fn containers_are_targets_of_their_ports_and_networks() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let router = Router::new()
        .route("/networks", get(networks))
        .route("/containers/json", get(containers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let host = format!("unix://{}", socket.display());
    let filters = "filters: [{name: label, values: ['scrape=yes']}]";
    let section = format!("docker_sd_configs: [{{host: '{host}', host_networking_host: this-host, {filters}}}]");

    let mut discoveries = discover(&section, folder.path());
    let groups = changed(&mut discoveries).await;
    assert_labels(
        labels_at(&groups, "172.19.0.2:8080"),
        &[
            ("__meta_docker_container_id", "c1"),
            ("__meta_docker_container_name", "/web"),
            ("__meta_docker_container_network_mode", "app_default"),
            ("__meta_docker_container_label_com_docker_compose_service", "web"),
            ("__meta_docker_network_id", "net-a"),
            ("__meta_docker_network_name", "app_default"),
            ("__meta_docker_network_scope", "local"),
            ("__meta_docker_network_internal", "true"),
            ("__meta_docker_network_ingress", "false"),
            ("__meta_docker_network_ip", "172.19.0.2"),
            ("__meta_docker_network_label_com_docker_compose_network", "default"),
            ("__meta_docker_port_private", "8080"),
            ("__meta_docker_port_public", "18080"),
            ("__meta_docker_port_public_ip", "0.0.0.0"),
        ],
    );
    assert_labels(
        labels_at(&groups, "172.19.0.2:9100"),
        &[("__meta_docker_port_public", "")],
    );
    assert_labels(
        labels_at(&groups, "172.19.0.2:7000"),
        &[
            ("__meta_docker_container_name", "/sidecar"),
            ("__meta_docker_network_name", "app_default"),
        ],
    );
    assert_labels(
        labels_at(&groups, "this-host"),
        &[("__meta_docker_container_name", "/agent")],
    );
    assert_labels(
        labels_at(&groups, "172.17.0.4:80"),
        &[("__meta_docker_port_private", "")],
    );
    assert_eq!(groups.len(), 5, "of several networks only the first counts: {groups:?}");

    let section = section.replace("host_networking_host: this-host", "match_first_network: false");
    let groups = changed(&mut discover(&section, folder.path())).await;
    assert_eq!(groups.len(), 8, "{groups:?}");
    labels_at(&groups, "172.17.0.2:8080");
    labels_at(&groups, "localhost");
}
