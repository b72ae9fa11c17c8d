//! Kubernetes, compose and Grafana: the same rules, ports and services as in the pack and the system.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skopos_fleet_frame::Role;
use skopos_fleet_somaagent01::SYSTEM;

fn pack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/somaagent01")
}

fn text(file: &str) -> String {
    let path = pack().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The documents of a file with several.
fn documents(file: &str) -> Vec<Value> {
    let text = text(file);
    let parts = text.split("\n---\n");
    parts
        .map(|part| serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{file}: {error}")))
        .collect()
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

/// Rules as they mean, not as their text is laid out.
fn rules(groups: &Value) -> Vec<Value> {
    let mut groups = groups.as_array().expect("groups").clone();
    for rule in groups
        .iter_mut()
        .flat_map(|group| group["rules"].as_array_mut().expect("rules"))
    {
        let expression = rule["expr"].as_str().expect("an expression").trim().to_owned();
        rule["expr"] = Value::String(expression);
    }
    groups
}

#[test]
fn the_cluster_has_the_rules_of_the_pack() {
    let wanted: Vec<Value> = ["alerts.yml", "recording_rules.yml"]
        .iter()
        .flat_map(|file| rules(&yaml(file)["groups"]))
        .collect();
    let rule = yaml("kubernetes/prometheusrule.yaml");
    assert_eq!(rule["kind"], "PrometheusRule");
    assert_eq!(rules(&rule["spec"]["groups"]), wanted);
}

#[test]
fn the_cluster_has_every_service_and_the_monitor_finds_it() {
    let documents = documents("kubernetes/services.yaml");
    let monitor = yaml("kubernetes/servicemonitor.yaml");
    let wanted = &monitor["spec"]["selector"]["matchLabels"];
    let endpoint = &monitor["spec"]["endpoints"][0]["port"];
    for service in SYSTEM.services.iter().filter(|service| service.role == Role::Service) {
        let is_it = |document: &&&Value| document["metadata"]["name"] == service.name;
        let (deployments, services) = (of_kind(&documents, "Deployment"), of_kind(&documents, "Service"));
        let deployment = deployments.iter().find(is_it).expect(service.name);
        let front = services.iter().find(is_it).expect(service.name);
        for (label, value) in wanted.as_object().expect("labels") {
            assert_eq!(&front["metadata"]["labels"][label], value, "{}", service.name);
        }
        assert_eq!(
            front["spec"]["selector"],
            deployment["spec"]["template"]["metadata"]["labels"]
        );
        let port = &front["spec"]["ports"][0];
        assert_eq!(
            (&port["name"], port["port"].as_u64()),
            (endpoint, service.port.map(u64::from))
        );
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            container["ports"][0]["containerPort"].as_u64(),
            service.port.map(u64::from)
        );
        assert_eq!(container["args"][2], service.name);
    }
}

#[test]
fn compose_starts_what_the_pack_scrapes() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().expect("services");
    // What the compose specification asks of each service that is used here.
    for (name, service) in services {
        assert!(service["image"].is_string(), "{name} has an image");
        for needed in service["depends_on"].as_array().into_iter().flatten() {
            assert!(
                services.contains_key(needed.as_str().expect("a name")),
                "{name} needs {needed}"
            );
        }
        if let Some(mode) = service["network_mode"].as_str() {
            let shared = mode.strip_prefix("service:").expect("the network of a service");
            assert!(services.contains_key(shared), "{name} shares the network of {shared}");
            assert!(
                service["ports"].is_null(),
                "{name} cannot publish ports of a shared network"
            );
        }
        let known = [
            "image",
            "command",
            "environment",
            "depends_on",
            "network_mode",
            "ports",
            "volumes",
            "restart",
        ];
        for key in service.as_object().expect("a service").keys() {
            assert!(known.contains(&key.as_str()), "{name}: {key}");
        }
    }
    let system: BTreeSet<&str> = SYSTEM.services.iter().map(|service| service.name).collect();
    assert!(system.iter().all(|name| services.contains_key(*name)), "{system:?}");
    // Beyond loopback the server starts only where it is told that the network is guarded.
    let command = services["skopos"]["command"].as_array().expect("a command");
    assert!(command.contains(&"--insecure".into()), "{command:?}");
}

/// A trace is decided by whoever begins it, so one process with another share would decide for all behind it.
#[test]
fn every_process_traces_a_tenth_and_says_that_it_is_production() {
    let wanted = [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("SOMA_AGENT_MODE", "PRODUCTION"),
    ];
    let compose = yaml("compose.yaml");
    for service in SYSTEM.services {
        let environment = &compose["services"][service.name]["environment"];
        for (name, value) in wanted {
            assert_eq!(environment[name], value, "compose: {} {name}", service.name);
        }
    }
    let documents = documents("kubernetes/services.yaml");
    for deployment in of_kind(&documents, "Deployment") {
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let set = container["env"].as_array().expect("an environment");
        for (name, value) in wanted {
            let found = set.iter().find(|variable| variable["name"] == name);
            assert_eq!(
                found.map(|variable| &variable["value"]),
                Some(&Value::from(value)),
                "{container}"
            );
        }
    }
}

#[test]
fn every_scraped_port_is_one_of_the_systems() {
    let config = yaml("prometheus.yml");
    let ports: BTreeSet<u16> = SYSTEM.services.iter().filter_map(|service| service.port).collect();
    let mut found = BTreeSet::new();
    for job in config["scrape_configs"].as_array().expect("jobs") {
        let target = job["static_configs"][0]["targets"][0].as_str().expect("a target");
        let port: u16 = target
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        found.insert(port);
        let service = SYSTEM.services.iter().find(|service| service.port == Some(port));
        assert!(service.is_none_or(|service| job["job_name"] == service.name), "{job}");
    }
    assert!(ports.is_subset(&found), "{ports:?} of {found:?}");
    assert_eq!(found.len(), 9);
}

#[test]
fn each_alert_has_a_fault() {
    let alerts = yaml("alerts.yml");
    let names: BTreeSet<String> = alerts["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .filter_map(|rule| rule["alert"].as_str().map(str::to_owned))
        .filter(|name| name != "Watchdog")
        .collect();
    let promised: BTreeSet<String> = SYSTEM
        .faults
        .iter()
        .flat_map(|fault| fault.alerts)
        .map(|alert| (*alert).to_owned())
        .collect();
    assert_eq!(promised, names);
}

/// Titles of the objectives on the dashboard, and the alert on each.
const OBJECTIVES: [(&str, &str); 5] = [
    ("Gateway availability", "HighGatewayErrorRate"),
    ("Gateway within 2.5 s", "HighGatewayLatency"),
    ("Conversations within 5 s", "SlowConversationProcessing"),
    ("Conversations without error", "HighConversationFailureRate"),
    ("Tool failures", "HighToolExecutionFailures"),
];

#[test]
fn each_objective_has_an_alert() {
    let dashboard: Value = serde_json::from_str(&text("dashboards/slo.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let gauges: BTreeSet<&str> = panels
        .iter()
        .filter(|panel| panel["type"] == "gauge")
        .filter_map(|panel| panel["title"].as_str())
        .collect();
    let titles: BTreeSet<&str> = OBJECTIVES.iter().map(|(title, _)| *title).collect();
    assert!(gauges.is_subset(&titles), "{gauges:?}");
    let alerts = yaml("alerts.yml");
    let rules = alerts["groups"][0]["rules"].as_array().expect("rules");
    for (title, alert) in OBJECTIVES {
        assert!(panels.iter().any(|panel| panel["title"] == title), "{title}");
        assert!(rules.iter().any(|rule| rule["alert"] == alert), "{alert}");
    }
}

#[test]
fn grafana_is_given_the_dashboards_and_their_sources() {
    let sources = yaml("grafana/provisioning/datasources/skopos.yml");
    let kinds: BTreeSet<&str> = sources["datasources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|source| source["type"].as_str())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["jaeger", "loki", "prometheus"]));
    let provider = yaml("grafana/provisioning/dashboards/somaagent01.yml");
    assert!(provider["providers"][0]["options"]["path"].is_string());

    let mut uids = BTreeSet::new();
    for file in ["overview", "slo", "dlq", "gateway"] {
        let dashboard: Value = serde_json::from_str(&text(&format!("dashboards/{file}.json"))).expect(file);
        uids.insert(dashboard["uid"].as_str().expect("a uid").to_owned());
        assert!(dashboard["schemaVersion"].as_u64() >= Some(39), "{file}");
        for panel in dashboard["panels"].as_array().expect("panels") {
            let is_row = panel["type"] == "row";
            assert!(
                is_row || panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{file}: {}",
                panel["title"]
            );
        }
    }
    let wanted = ["overview", "slo", "dlq", "gateway"].map(|name| format!("somaagent01-{name}"));
    assert_eq!(uids, BTreeSet::from(wanted));
}
