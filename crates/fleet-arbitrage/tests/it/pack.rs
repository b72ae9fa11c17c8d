//! The pack: dashboard, cluster objects, compose file and rules fit the services.

use std::collections::BTreeSet;

use serde_json::json;
use skopos_fleet_arbitrage::SYSTEM;
use skopos_fleet_testing::{Pack, assert_panels_are_complete, list, strings};

const PACK: Pack = Pack::of(SYSTEM);

/// The panels that the system's page lists, with their types.
const PANELS: [(&str, &str); 6] = [
    ("Task latency P50, P95 and P99", "timeseries"),
    ("Task completion rate", "gauge"),
    ("Task error rate", "timeseries"),
    ("LLM call latency P50, P95 and P99", "timeseries"),
    ("Payment latency P95", "timeseries"),
    ("Marketplace scan latency P95", "timeseries"),
];

#[test]
fn every_service_is_scraped_under_its_name() {
    PACK.assert_each_service_is_scraped();
    assert_eq!(PACK.scrape_jobs().len(), PACK.services().count());
}

#[test]
fn each_alert_has_a_fault_and_each_fault_an_alert() {
    PACK.assert_each_alert_has_a_fault();
    let alerts = PACK.alerts();
    let names: BTreeSet<&str> = alerts.iter().filter_map(|rule| rule["alert"].as_str()).collect();
    assert_eq!(names.len(), 20 + 1, "Watchdog is beside the 20");
    assert!(SYSTEM.faults.iter().all(|fault| !fault.alerts.is_empty()));
}

#[test]
fn the_cluster_runs_finds_and_watches_every_service() {
    let cluster = PACK.cluster();
    cluster.assert_has_the_rules();
    cluster.assert_runs_each_service();
    cluster.assert_monitors_find_one_service_each();
    cluster.assert_gives_each_job();
}

#[test]
fn the_compose_file_starts_everything_and_follows_the_specification() {
    PACK.assert_compose_is_sound(&["profiles"]);
    PACK.assert_compose_starts_the_system();
    PACK.assert_grafana_finds_the_dashboards("./dashboards");
}

#[test]
fn the_dashboard_has_its_six_panels() {
    let dashboard = PACK.dashboard("apm");
    assert_eq!(
        (&dashboard["uid"], &dashboard["title"], &dashboard["refresh"]),
        (&json!("arbitrage-apm"), &json!("APM"), &json!("5s"))
    );
    let panels: Vec<(&str, &str)> = list(&dashboard["panels"])
        .iter()
        .map(|panel| {
            (
                panel["title"].as_str().expect("a title"),
                panel["type"].as_str().expect("a type"),
            )
        })
        .collect();
    assert_eq!(panels, PANELS);
    assert_panels_are_complete(&dashboard);
}

#[test]
fn the_trace_store_has_the_ports_of_old_and_metrics_stay_for_a_month() {
    let skopos = &PACK.document("compose.yaml")["services"]["skopos"];
    let command = strings(&skopos["command"]);
    for flag in [
        "--compat-ports",
        "--otlp.grpc-listen-address=0.0.0.0:4317",
        "--otlp.http-listen-address=0.0.0.0:4318",
        "--storage.retention.time=30d",
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
    let compose = PACK.document("compose.yaml");
    for service in SYSTEM.services {
        let environment = &compose["services"][service.name]["environment"];
        assert_eq!(environment["OTEL_PROPAGATORS"], all, "{}", service.name);
    }
    for deployment in PACK.cluster().objects("Deployment") {
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let set = json!({ "name": "OTEL_PROPAGATORS", "value": all });
        assert!(list(&container["env"]).contains(&set), "{}", container["name"]);
    }
}

#[test]
fn the_collector_limits_its_memory_and_batches() {
    let config = PACK.document("otel-collector.yaml");
    for signal in ["traces", "metrics"] {
        let pipeline = &config["service"]["pipelines"][signal];
        assert_eq!(strings(&pipeline["receivers"]), ["otlp"]);
        assert_eq!(strings(&pipeline["processors"]), ["memory_limiter", "batch"]);
        for exporter in strings(&pipeline["exporters"]) {
            assert!(config["exporters"][exporter].is_object(), "{exporter}");
        }
    }
}
