//! The compose file: known keys, every service of the system, and volumes that exist.

use serde_json::{Map, Value};
use skopos_fleet_dawsos::SYSTEM;

use crate::pack::{document, list};

/// Keys of a service that are used, as the compose specification names them.
const SERVICE_KEYS: [&str; 8] = [
    "image",
    "command",
    "network_mode",
    "restart",
    "environment",
    "depends_on",
    "volumes",
    "ports",
];

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().expect("services are a map")
}

#[test]
fn the_whole_system_is_started_and_kept_as_long_as_asked() {
    let compose = document("compose.yaml");
    for service in SYSTEM.services {
        let command = list(&services(&compose)[service.name]["command"], "command");
        assert_eq!(command[..], ["fleet", SYSTEM.name, service.name].map(Value::from));
        let environment = &services(&compose)[service.name]["environment"];
        assert_eq!(environment["ERRORS_ALWAYS"], "true", "{}", service.name);
    }
    let skopos = list(&services(&compose)["skopos"]["command"], "command");
    for flag in [
        // Without it no listener beyond loopback is opened.
        "--insecure",
        "--storage.retention.time=30d",
        "--storage.retention.traces=7d",
        "--storage.retention.traces.low-priority=1d",
    ] {
        assert!(skopos.contains(&flag.into()), "{flag}");
    }
}

#[test]
fn keys_and_volumes_are_known() {
    let compose = document("compose.yaml");
    let named = compose["volumes"].as_object().expect("a map");
    for (name, service) in services(&compose) {
        for key in service.as_object().expect("a map").keys() {
            assert!(SERVICE_KEYS.contains(&key.as_str()), "{name}: {key}");
        }
        let image = service["image"].as_str();
        assert!(image.is_some_and(|image| image.contains(':')), "{name} has no tag");
        let shares = service["network_mode"] == "service:skopos";
        assert!(name == "skopos" || shares, "{name} is in a network of its own");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().expect("the short form");
            let (source, _) = volume.split_once(':').expect("source and target");
            assert!(
                source.starts_with('.') || named.contains_key(source),
                "{name}: {source}"
            );
        }
    }
}
