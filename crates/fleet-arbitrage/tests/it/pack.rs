//! The pack: dashboard, cluster objects, compose file and rules fit the services.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skopos_fleet_arbitrage::SYSTEM;

/// The panels that the system's page lists, with their types.
const PANELS: [(&str, &str); 6] = [
    ("Task latency P50, P95 and P99", "timeseries"),
    ("Task completion rate", "gauge"),
    ("Task error rate", "timeseries"),
    ("LLM call latency P50, P95 and P99", "timeseries"),
    ("Payment latency P95", "timeseries"),
    ("Marketplace scan latency P95", "timeseries"),
];
/// Keys of a service in the compose file, from the Compose specification.
const KEYS: [&str; 9] = [
    "image",
    "command",
    "network_mode",
    "restart",
    "environment",
    "depends_on",
    "volumes",
    "ports",
    "profiles",
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packs/arbitrage")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn document(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).filter_map(Value::as_str).collect()
}

fn services() -> Vec<(&'static str, u16)> {
    let all = SYSTEM.services.iter();
    all.filter_map(|service| Some((service.name, service.port?))).collect()
}

#[test]
fn every_service_is_scraped_under_its_name() {
    let config = document("prometheus.yml");
    let scraped: Vec<(String, String)> = list(&config["scrape_configs"])
        .map(|job| {
            let target = &job["static_configs"][0]["targets"][0];
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            (text(&job["job_name"]), text(target))
        })
        .collect();
    for (name, port) in services() {
        assert!(
            scraped.contains(&(name.to_owned(), format!("localhost:{port}"))),
            "{name}"
        );
    }
    assert_eq!(scraped.len(), services().len());
}

#[test]
fn each_alert_has_a_fault_and_each_fault_an_alert() {
    let rules = document("alerts.yml");
    let alerts: BTreeSet<String> = list(&rules["groups"])
        .flat_map(|group| list(&group["rules"]))
        .filter_map(|rule| rule["alert"].as_str().map(str::to_owned))
        .filter(|name| name != "Watchdog")
        .collect();
    assert_eq!(alerts.len(), 18);
    let promised = SYSTEM.faults.iter().flat_map(|fault| fault.alerts);
    assert_eq!(promised.map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), alerts);
    assert!(SYSTEM.faults.iter().all(|fault| !fault.alerts.is_empty()));
}

#[test]
fn the_dashboard_has_its_six_panels() {
    let dashboard: Value = serde_json::from_str(&text("dashboards/apm.json")).expect("JSON");
    assert_eq!(
        (&dashboard["uid"], &dashboard["title"], &dashboard["refresh"]),
        (&json!("arbitrage-apm"), &json!("APM"), &json!("5s"))
    );
    let panels: Vec<(&str, &str)> = list(&dashboard["panels"])
        .map(|panel| {
            (
                panel["title"].as_str().expect("a title"),
                panel["type"].as_str().expect("a type"),
            )
        })
        .collect();
    assert_eq!(panels, PANELS);
    for panel in list(&dashboard["panels"]) {
        let title = &panel["title"];
        assert!(
            panel["description"].as_str().is_some_and(|text| !text.is_empty()),
            "{title}"
        );
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(list(&panel["targets"]).count() > 0, "{title}");
        assert!(
            list(&panel["targets"]).all(|target| target["expr"].is_string()),
            "{title}"
        );
    }
}

#[test]
fn the_cluster_runs_finds_and_watches_every_service() {
    let objects = documents("kubernetes/services.yaml");
    let monitors = documents("kubernetes/servicemonitors.yaml");
    let find = |kind: &str, name: &str| {
        let found = objects
            .iter()
            .find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    };
    for (name, port) in services() {
        let (deployment, service) = (find("Deployment", name), find("Service", name));
        let template = &deployment["spec"]["template"];
        assert_eq!(service["spec"]["selector"], template["metadata"]["labels"]);
        let container = &template["spec"]["containers"][0];
        assert_eq!(strings(&container["args"])[..3], ["fleet", "arbitrage", name]);
        assert_eq!(container["ports"], json!([{ "name": "http", "containerPort": port }]));
        let labels = &service["metadata"]["labels"];
        let finding = monitors
            .iter()
            .filter(|monitor| monitor["spec"]["selector"]["matchLabels"] == *labels);
        assert_eq!(finding.count(), 1, "{name}");
    }
    let rules = document("kubernetes/prometheusrule.yaml");
    let groups = |file| document(file)["groups"].as_array().expect("groups").clone();
    let expected = [groups("alerts.yml"), groups("recording_rules.yml")].concat();
    assert_eq!(rules["spec"]["groups"], Value::Array(expected));
}

#[test]
fn the_compose_file_starts_everything_and_follows_the_specification() {
    let file = document("compose.yaml");
    let all = file["services"].as_object().expect("services");
    for (name, service) in all {
        for key in service.as_object().expect("a mapping").keys() {
            assert!(KEYS.contains(&key.as_str()), "{name}: {key}");
        }
        assert!(
            service["image"].as_str().is_some_and(|image| image.contains(':')),
            "{name}"
        );
        for other in service["depends_on"].as_object().into_iter().flatten() {
            assert!(all.contains_key(other.0), "{name} waits for {}", other.0);
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().expect("a source");
            let is_known = if source.starts_with('.') {
                path(source).exists()
            } else {
                file["volumes"][source].is_object()
            };
            assert!(is_known, "{volume}");
        }
    }
    for service in SYSTEM.services {
        assert_eq!(
            strings(&all[service.name]["command"]),
            ["fleet", "arbitrage", service.name]
        );
    }
}

#[test]
fn the_trace_store_has_the_ports_of_old_and_metrics_stay_for_a_month() {
    let skopos = &document("compose.yaml")["services"]["skopos"];
    let command = strings(&skopos["command"]);
    for flag in [
        "--compat-ports",
        "--otlp.grpc-listen-address=0.0.0.0:4317",
        "--otlp.http-listen-address=0.0.0.0:4318",
        "--storage.retention.time=30d",
        // Without it no listener beyond loopback is opened.
        "--insecure",
    ] {
        assert!(command.contains(&flag), "{flag}");
    }
    for port in ["16686", "14268", "14250", "4317", "4318"] {
        assert!(
            strings(&skopos["ports"]).contains(&format!("{port}:{port}").as_str()),
            "{port}"
        );
    }
}

#[test]
fn every_service_speaks_w3c_and_b3_and_follows_w3c() {
    let all = "b3multi,b3,baggage,tracecontext";
    let compose = document("compose.yaml");
    for service in SYSTEM.services {
        let environment = &compose["services"][service.name]["environment"];
        assert_eq!(environment["OTEL_PROPAGATORS"], all, "{}", service.name);
    }
    let objects = documents("kubernetes/services.yaml");
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment");
    for deployment in deployments {
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let set = json!({ "name": "OTEL_PROPAGATORS", "value": all });
        assert!(
            list(&container["env"]).any(|variable| *variable == set),
            "{}",
            container["name"]
        );
    }
}

#[test]
fn the_collector_limits_its_memory_and_batches() {
    let config = document("otel-collector.yaml");
    for signal in ["traces", "metrics"] {
        let pipeline = &config["service"]["pipelines"][signal];
        assert_eq!(strings(&pipeline["receivers"]), ["otlp"]);
        assert_eq!(strings(&pipeline["processors"]), ["memory_limiter", "batch"]);
        for exporter in strings(&pipeline["exporters"]) {
            assert!(config["exporters"][exporter].is_object(), "{exporter}");
        }
    }
}
