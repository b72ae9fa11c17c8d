//! The compose file: known keys, every service of the system, and volumes and anchors that exist.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use skopos_fleet_recommender::SYSTEM;

use crate::pack::{document, list, path};

/// Keys of a service that are used, as the compose specification names them.
const SERVICE_KEYS: [&str; 10] = [
    "image",
    "command",
    "network_mode",
    "restart",
    "environment",
    "depends_on",
    "volumes",
    "ports",
    "pid",
    "privileged",
];

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().expect("services are a map")
}

#[test]
fn the_whole_system_is_started() {
    let compose = document("compose.yaml");
    let services = services(&compose);
    for service in SYSTEM.services {
        let command = list(&services[service.name]["command"], "command");
        assert_eq!(command[..], ["fleet", "recommender", service.name].map(Value::from));
    }
    for job in list(&document("prometheus.yml")["scrape_configs"], "scrape_configs") {
        let job = job["job_name"].as_str().expect("a name");
        let opened_by_skopos = ["log-store", "trace-store"].contains(&job);
        assert!(opened_by_skopos || services.contains_key(job), "nobody serves {job}");
    }
    let skopos = list(&services["skopos"]["command"], "command");
    assert!(skopos.contains(&"--insecure".into()), "it listens beyond loopback");
    assert!(
        skopos.contains(&"--compat-ports".into()),
        "the log store and the trace store have ports of their own"
    );
}

#[test]
fn keys_are_those_of_the_specification() {
    let compose = document("compose.yaml");
    let top: BTreeSet<&str> = compose.as_object().expect("a map").keys().map(String::as_str).collect();
    assert_eq!(
        top,
        BTreeSet::from(["name", "services", "volumes", "x-beside", "x-service"])
    );
    let shared = |service: &Value| service.get("network_mode").is_some_and(|mode| mode == "service:skopos");
    for (name, service) in services(&compose) {
        for key in service.as_object().expect("a map").keys() {
            assert!(SERVICE_KEYS.contains(&key.as_str()), "{name}: {key}");
        }
        assert!(
            service["image"].as_str().is_some_and(|image| image.contains(':')),
            "{name} has no tag"
        );
        assert!(name == "skopos" || shared(service), "{name} is in a network of its own");
        for needed in service["depends_on"].as_object().into_iter().flatten() {
            assert!(
                services(&compose).contains_key(needed.0),
                "{name} waits for {}",
                needed.0
            );
        }
    }
}

#[test]
fn volumes_exist() {
    let compose = document("compose.yaml");
    let named = compose["volumes"].as_object().expect("a map");
    for (name, service) in services(&compose) {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().expect("the short form");
            let (source, _) = volume.split_once(':').expect("source and target");
            if let Some(relative) = source.strip_prefix("./") {
                assert!(path(relative).exists(), "{name}: {source}");
            } else if !source.starts_with(['/', '.']) {
                assert!(named.contains_key(source), "{name}: {source}");
            }
        }
    }
}
