//! The compose file, against the rules of the [Compose specification] that it uses, and what it starts.
//!
//! [Compose specification]: https://github.com/compose-spec/compose-spec/blob/main/spec.md

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Pack, strings};

/// Keys of a service that every pack may use.
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

impl Pack {
    /// The file uses known keys, of which a service may have these `more`; each image has a tag; all share the network of
    /// `skopos`; who is waited for and what is mounted exists.
    pub fn assert_compose_is_sound(&self, more: &[&str]) {
        let file = self.document("compose.yaml");
        for key in mapping(&file).keys() {
            assert!(
                ["name", "services", "volumes"].contains(&key.as_str()) || key.starts_with("x-"),
                "{key}"
            );
        }
        let all = mapping(&file["services"]);
        for (name, service) in all {
            for key in mapping(service).keys() {
                let key = key.as_str();
                assert!(KEYS.contains(&key) || more.contains(&key), "{name}: {key}");
            }
            let image = service["image"].as_str();
            assert!(image.is_some_and(|image| image.contains(':')), "{name} has no tag");
            if name != "skopos" {
                assert_eq!(service["network_mode"], "service:skopos", "{name}");
                assert!(
                    service["ports"].is_null(),
                    "{name}: its network's owner publishes ports"
                );
            }
            for other in needed(service) {
                assert!(all.contains_key(other), "{name} waits for {other}");
            }
            for volume in strings(&service["volumes"]) {
                assert!(self.is_mountable(volume, service, &file["volumes"]), "{name}: {volume}");
            }
        }
        // Without it no listener beyond loopback is opened.
        assert!(strings(&all["skopos"]["command"]).contains(&"--insecure"));
    }

    /// Each service of the system is started with nothing but its name, and so is the traffic.
    pub fn assert_compose_starts_the_system(&self) {
        let services = &self.document("compose.yaml")["services"];
        for service in self.system.services {
            let command = strings(&services[service.name]["command"]);
            assert_eq!(command, ["fleet", self.system.name, service.name]);
        }
    }

    /// Whether the source is declared, or is a file or folder of the pack, or of the host for who watches the host.
    fn is_mountable(&self, volume: &str, service: &Value, declared: &Value) -> bool {
        let (source, target) = volume.split_once(':').expect("SOURCE:TARGET");
        assert!(target.starts_with('/'), "{volume}");
        if source.starts_with('/') {
            service["privileged"] == true || service["pid"] == "host"
        } else if !source.starts_with('.') {
            declared[source].is_object()
        } else if Path::new(source).extension().is_some() {
            self.path(source).is_file()
        } else {
            self.path(source).is_dir()
        }
    }
}

fn mapping(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not a mapping: {value}"))
}

/// Who a service waits for, in the short form or the long one.
fn needed(service: &Value) -> Vec<&str> {
    let Value::Object(others) = &service["depends_on"] else {
        return strings(&service["depends_on"]);
    };
    assert!(others.values().all(|how| how["condition"] == "service_started"));
    others.keys().map(String::as_str).collect()
}
