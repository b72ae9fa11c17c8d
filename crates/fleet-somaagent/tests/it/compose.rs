//! The compose file, against the rules of the Compose specification that it uses, and what it starts.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pack::{document, path, services, strings};

/// Keys of a service that the file may use, from the Compose specification.
const KEYS: [&str; 8] = [
    "image",
    "command",
    "network_mode",
    "restart",
    "environment",
    "depends_on",
    "volumes",
    "ports",
];

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("a mapping")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_file_follows_the_specification() {
    let file = document("compose.yaml");
    for key in keys(&file) {
        assert!(
            ["name", "services", "volumes"].contains(&key) || key.starts_with("x-"),
            "{key}"
        );
    }
    let all: BTreeSet<&str> = keys(&file["services"]).into_iter().collect();
    for name in &all {
        let service = &file["services"][name];
        for key in keys(service) {
            assert!(KEYS.contains(&key), "{name}: {key}");
        }
        assert!(
            service["image"].as_str().is_some_and(|image| image.contains(':')),
            "{name}"
        );
        if let Some(network) = service["network_mode"].as_str() {
            assert!(
                all.contains(network.trim_start_matches("service:")),
                "{name}: {network}"
            );
            // Ports of a shared network are published by its owner.
            assert!(service["ports"].is_null(), "{name}");
        }
        if service["depends_on"].is_object() {
            for (other, how) in service["depends_on"].as_object().into_iter().flatten() {
                assert!(all.contains(other.as_str()), "{name} waits for {other}");
                assert_eq!(how["condition"], "service_started");
            }
        }
        volumes(&file, name);
    }
}

/// Each volume is a folder of the pack or declared.
fn volumes(file: &Value, name: &str) {
    for volume in strings(&file["services"][name]["volumes"]) {
        let (source, target) = volume.split_once(':').expect("SOURCE:TARGET");
        assert!(target.starts_with('/'), "{volume}");
        if source.starts_with('.') {
            assert!(path(source).is_dir(), "{volume}");
        } else {
            assert!(file["volumes"][source].is_object(), "{volume}");
        }
    }
}

#[test]
fn all_services_and_the_traffic_are_started() {
    let file = document("compose.yaml");
    for name in services().map(|(name, _)| name).chain(["traffic"]) {
        assert_eq!(
            strings(&file["services"][name]["command"]),
            ["fleet", "somaagent", name]
        );
    }
    let command = strings(&file["services"]["skopos"]["command"]);
    for argument in ["--insecure", "--storage.path=/data", "--pack=/packs/somaagent"] {
        assert!(
            command.contains(&argument),
            "{argument}: without it the server does not start as it should"
        );
    }
}

#[test]
fn grafana_finds_its_dashboards() {
    let file = document("compose.yaml");
    let provider = document("grafana/provisioning/dashboards/somaagent.yml");
    let folder = provider["providers"][0]["options"]["path"].as_str().expect("a path");
    let mounted = strings(&file["services"]["grafana"]["volumes"]);
    assert!(
        mounted
            .iter()
            .any(|volume| volume.starts_with(&format!("./dashboards:{folder}")))
    );
    let sources = document("grafana/provisioning/datasources/skopos.yml");
    let kinds: Vec<&str> = sources["datasources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|source| source["type"].as_str())
        .collect();
    assert_eq!(kinds, ["prometheus", "loki", "jaeger"]);
}
