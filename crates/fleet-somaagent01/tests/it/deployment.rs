//! Kubernetes, compose and Grafana: the same rules, ports and services as in the pack and the system.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skopos_fleet_somaagent01::SYSTEM;
use skopos_fleet_testing::{Pack, list};

const PACK: Pack = Pack::of(SYSTEM);

#[test]
fn the_cluster_has_the_rules_of_the_pack() {
    PACK.cluster().assert_has_the_rules();
}

#[test]
fn the_cluster_has_every_service_and_the_monitor_finds_it() {
    let cluster = PACK.cluster();
    cluster.assert_runs_each_service();
    cluster.assert_gives_each_job();
    assert_eq!(cluster.objects("ServiceMonitor").len(), 1);
    cluster.object("Namespace", "somaagent01");
}

#[test]
fn compose_starts_what_the_pack_scrapes() {
    PACK.assert_compose_is_sound(&[]);
    let services = &PACK.document("compose.yaml")["services"];
    for service in SYSTEM.services {
        assert!(services[service.name].is_object(), "{}", service.name);
    }
}

#[test]
fn each_alert_has_a_fault() {
    PACK.assert_each_alert_has_a_fault();
}

/// A trace is decided by whoever begins it, so one process with another share would decide for all behind it.
#[test]
fn every_process_traces_a_tenth_and_says_that_it_is_production() {
    let wanted = [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("SOMA_AGENT_MODE", "PRODUCTION"),
    ];
    let compose = PACK.document("compose.yaml");
    for service in SYSTEM.services {
        let environment = &compose["services"][service.name]["environment"];
        for (name, value) in wanted {
            assert_eq!(environment[name], value, "compose: {} {name}", service.name);
        }
    }
    for deployment in PACK.cluster().objects("Deployment") {
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for (name, value) in wanted {
            let set: Vec<&Value> = list(&container["env"])
                .iter()
                .filter(|set| set["name"] == name)
                .collect();
            assert_eq!(set, [&json!({ "name": name, "value": value })], "{container}");
        }
    }
}

#[test]
fn every_scraped_port_is_one_of_the_systems() {
    let ports: BTreeSet<u16> = SYSTEM.services.iter().filter_map(|service| service.port).collect();
    let mut found = BTreeSet::new();
    for job in PACK.scrape_jobs() {
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
    let dashboard = PACK.dashboard("slo");
    let panels = list(&dashboard["panels"]);
    let gauges: BTreeSet<&str> = panels
        .iter()
        .filter(|panel| panel["type"] == "gauge")
        .filter_map(|panel| panel["title"].as_str())
        .collect();
    let titles: BTreeSet<&str> = OBJECTIVES.iter().map(|(title, _)| *title).collect();
    assert!(gauges.is_subset(&titles), "{gauges:?}");
    let alerts = PACK.document("alerts.yml");
    let rules = list(&alerts["groups"][0]["rules"]);
    for (title, alert) in OBJECTIVES {
        assert!(panels.iter().any(|panel| panel["title"] == title), "{title}");
        assert!(rules.iter().any(|rule| rule["alert"] == alert), "{alert}");
    }
}

#[test]
fn grafana_is_given_the_dashboards_and_their_sources() {
    assert!(PACK.grafana_folder().starts_with('/'));
    let mut uids = BTreeSet::new();
    for file in ["overview", "slo", "dlq", "gateway"] {
        let dashboard = PACK.dashboard(file);
        uids.insert(dashboard["uid"].as_str().expect("a uid").to_owned());
        for panel in list(&dashboard["panels"]) {
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
