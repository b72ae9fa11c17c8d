//! The objects for Kubernetes and the scrape file: each service runs, is scraped once, and is watched by the same rules.

use serde_json::{Value, json};

use crate::pack::{document, documents, list, services};

fn named(file: &str, kind: &str, name: &str) -> Value {
    let found = documents(file)
        .into_iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{file} has no {kind} {name}"))
}

#[test]
fn the_cluster_has_the_rules_of_the_pack() {
    let groups = |file| list(&document(file)["groups"], "groups").clone();
    let expected = [groups("alerts.yml"), groups("recording_rules.yml")].concat();
    let rule = document("kubernetes/prometheusrule.yaml");
    assert_eq!(rule["kind"], "PrometheusRule");
    assert_eq!(rule["spec"]["groups"], Value::Array(expected));
}

#[test]
fn each_service_runs_and_is_found_by_its_monitor() {
    for (name, port) in services() {
        let deployment = named("kubernetes/services.yaml", "Deployment", name);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = list(&container["args"], "args");
        assert_eq!(arguments[..3], ["fleet", "dawsos", name].map(Value::from));
        assert!(arguments.contains(&json!(format!("0.0.0.0:{port}"))), "{name}");
        assert_eq!(container["ports"], json!([{ "name": "http", "containerPort": port }]));
        let errors_always = json!({ "name": "ERRORS_ALWAYS", "value": "true" });
        assert!(list(&container["env"], "env").contains(&errors_always), "{name}");
        let service = named("kubernetes/services.yaml", "Service", name);
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&service["spec"]["selector"], labels, "{name}");
        let monitor = format!("{name}-metrics");
        let monitor = named("kubernetes/servicemonitors.yaml", "ServiceMonitor", &monitor);
        let selected = &monitor["spec"]["selector"]["matchLabels"];
        assert_eq!(selected, &service["metadata"]["labels"]);
        let endpoint = &monitor["spec"]["endpoints"][0];
        assert_eq!(endpoint["port"], service["spec"]["ports"][0]["name"]);
        assert_eq!(endpoint["interval"], "10s");
        assert_eq!(monitor["spec"]["jobLabel"], "app");
    }
}

#[test]
fn every_service_and_the_server_itself_are_scraped() {
    let config = document("prometheus.yml");
    let jobs = list(&config["scrape_configs"], "scrape_configs");
    let target = |name: &str| {
        let job = jobs.iter().find(|job| job["job_name"] == name);
        job.unwrap_or_else(|| panic!("no job {name}"))["static_configs"][0]["targets"].clone()
    };
    for (name, port) in services() {
        assert_eq!(target(name), json!([format!("localhost:{port}")]));
    }
    assert_eq!(target("prometheus"), json!(["localhost:9090"]));
    assert_eq!(jobs.len(), services().count() + 1);
    assert_eq!(config["global"]["scrape_interval"], "10s");
}
