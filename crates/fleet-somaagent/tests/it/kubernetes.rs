//! The Kubernetes objects: every service runs, is found by one ServiceMonitor alone, and is watched by the pack's rules.

use std::collections::BTreeSet;

use serde_json::json;
use skopos_fleet_testing::{strings, takes};

use crate::PACK;

const MONITORS: [&str; 6] = [
    "orchestrator-metrics",
    "gateway-metrics",
    "policy-engine-metrics",
    "identity-service-metrics",
    "slm-service-metrics",
    "all-somaagent-services",
];

#[test]
fn the_rules_of_the_cluster_are_those_of_the_pack() {
    PACK.cluster().assert_has_the_rules();
}

#[test]
fn every_monitor_says_where_and_how_often() {
    let cluster = PACK.cluster();
    for name in MONITORS {
        let monitor = cluster.object("ServiceMonitor", name);
        assert_eq!(monitor["apiVersion"], "monitoring.coreos.com/v1");
        assert_eq!(monitor["metadata"]["namespace"], "observability");
        assert_eq!(monitor["spec"]["jobLabel"], "app");
        assert_eq!(
            monitor["spec"]["endpoints"],
            json!([{ "port": "http", "path": "/metrics", "interval": "30s" }])
        );
        assert_eq!(monitor["spec"]["selector"]["matchLabels"]["monitoring"], "enabled");
        assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"], json!(["somaagent"]));
    }
}

/// Labels of the Service and name of its port in the charts kube-state-metrics and prometheus-node-exporter of
/// prometheus-community, with their defaults.
#[test]
fn the_cluster_itself_is_found_as_the_charts_install_it() {
    let cluster = PACK.cluster();
    for (name, chart, port) in [
        ("kube-state-metrics", "kube-state-metrics", "http"),
        ("node-exporter", "prometheus-node-exporter", "metrics"),
    ] {
        let monitor = cluster.object("ServiceMonitor", name);
        assert_eq!(monitor["metadata"]["namespace"], "observability");
        assert_eq!(
            monitor["spec"]["endpoints"],
            json!([{ "port": port, "path": "/metrics", "interval": "30s" }])
        );
        let labels = json!({ "app.kubernetes.io/name": chart, "app.kubernetes.io/instance": name });
        assert!(takes(&monitor["spec"]["selector"], &labels), "{name}");
        assert_eq!(
            monitor["spec"]["namespaceSelector"]["matchNames"],
            json!(["kube-system"])
        );
    }
}

#[test]
fn every_service_is_found_once() {
    let cluster = PACK.cluster();
    let monitors = PACK.services().map(|(name, _)| cluster.monitor(name));
    let used: BTreeSet<&str> = monitors
        .filter_map(|monitor| monitor["metadata"]["name"].as_str())
        .collect();
    assert_eq!(used, MONITORS.into());
}

#[test]
fn every_service_runs_and_knows_where_others_are() {
    let cluster = PACK.cluster();
    cluster.assert_runs_each_service();
    cluster.assert_gives_each_job();
    for (name, _) in PACK.services() {
        assert_eq!(cluster.object("Service", name)["metadata"]["labels"]["app"], name);
        // Addresses of others are those of Services that exist.
        let arguments = strings(&cluster.container(name)["args"]);
        for url in arguments.iter().filter_map(|argument| argument.strip_prefix("http://")) {
            let mut services = PACK.services();
            let known = services.any(|(name, port)| url == format!("{name}:{port}"));
            assert!(known, "{name} is sent to {url}");
        }
    }
}
