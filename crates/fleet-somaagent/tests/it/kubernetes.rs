//! The Kubernetes objects: every service runs, is found by one ServiceMonitor alone, and is watched by the pack's rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::pack::{document, documents, services, strings};

const MONITORS: [&str; 6] = [
    "orchestrator-metrics",
    "gateway-metrics",
    "policy-engine-metrics",
    "identity-service-metrics",
    "slm-service-metrics",
    "all-somaagent-services",
];

fn of_kind(kind: &str) -> Vec<Value> {
    let all = documents("kubernetes/services.yaml").into_iter();
    all.filter(|object| object["kind"] == kind).collect()
}

fn named<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

/// Whether a label selector takes these labels: `matchLabels`, and `NotIn` of `matchExpressions`.
fn takes(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let excluded = selector["matchExpressions"].as_array().into_iter().flatten();
    wanted.into_iter().all(|(name, value)| labels[name] == *value)
        && excluded.into_iter().all(|rule| {
            assert_eq!(rule["operator"], "NotIn");
            let label = &labels[rule["key"].as_str().expect("a label's name")];
            !rule["values"].as_array().expect("values").contains(label)
        })
}

#[test]
fn the_rules_of_the_cluster_are_those_of_the_pack() {
    let object = document("kubernetes/prometheusrule.yaml");
    assert_eq!(
        (&object["apiVersion"], &object["kind"]),
        (&json!("monitoring.coreos.com/v1"), &json!("PrometheusRule"))
    );
    let groups = |file| document(file)["groups"].as_array().expect("groups").clone();
    let expected = [groups("alerts.yml"), groups("recording_rules.yml")].concat();
    assert_eq!(object["spec"]["groups"], Value::Array(expected));
}

#[test]
fn every_monitor_says_where_and_how_often() {
    let monitors = documents("kubernetes/servicemonitors.yaml");
    for name in MONITORS {
        let monitor = named(&monitors, name);
        assert_eq!(
            (&monitor["apiVersion"], &monitor["kind"]),
            (&json!("monitoring.coreos.com/v1"), &json!("ServiceMonitor"))
        );
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
    let monitors = documents("kubernetes/servicemonitors.yaml");
    for (name, chart, port) in [
        ("kube-state-metrics", "kube-state-metrics", "http"),
        ("node-exporter", "prometheus-node-exporter", "metrics"),
    ] {
        let monitor = named(&monitors, name);
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
    let (monitors, objects) = (documents("kubernetes/servicemonitors.yaml"), of_kind("Service"));
    let mut used = BTreeSet::new();
    for (name, port) in services() {
        let service = named(&objects, name);
        assert_eq!(service["spec"]["ports"][0]["name"], "http");
        assert_eq!(service["spec"]["ports"][0]["port"], port);
        let labels = &service["metadata"]["labels"];
        assert_eq!(labels["app"], name);
        let finding = monitors
            .iter()
            .filter(|monitor| takes(&monitor["spec"]["selector"], labels));
        let finding: Vec<&str> = finding
            .filter_map(|monitor| monitor["metadata"]["name"].as_str())
            .collect();
        assert_eq!(finding.len(), 1, "{name}: {finding:?}");
        used.insert(finding[0].to_owned());
    }
    assert_eq!(used, MONITORS.map(str::to_owned).into());
}

#[test]
fn every_service_has_a_deployment_that_starts_it() {
    let (deployments, objects) = (of_kind("Deployment"), of_kind("Service"));
    for (name, port) in services() {
        let template = &named(&deployments, name)["spec"]["template"];
        let selector = &named(&objects, name)["spec"]["selector"];
        assert_eq!(selector, &template["metadata"]["labels"], "{name}");
        let container = &template["spec"]["containers"][0];
        let arguments = strings(&container["args"]);
        assert_eq!(arguments[..3], ["fleet", "somaagent", name]);
        assert!(arguments.contains(&format!("0.0.0.0:{port}").as_str()));
        assert_eq!(container["ports"], json!([{ "name": "http", "containerPort": port }]));
        // Addresses of others are those of Services that exist.
        for url in arguments.iter().filter_map(|argument| argument.strip_prefix("http://")) {
            let known = services().any(|(name, port)| url == format!("{name}:{port}"));
            assert!(known, "{name} is sent to {url}");
        }
    }
}
