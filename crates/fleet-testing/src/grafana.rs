//! The dashboards, and what Grafana is given to find them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Pack, list, strings};

impl Pack {
    /// A dashboard of the pack, of schema 39 or later.
    pub fn dashboard(&self, file: &str) -> Value {
        let text = self.text(&format!("dashboards/{file}.json"));
        let dashboard: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(dashboard["schemaVersion"].as_u64() >= Some(39), "{file}");
        dashboard
    }

    /// The folder in which Grafana is told to look for dashboards; its sources are metrics, logs and traces.
    pub fn grafana_folder(&self) -> String {
        let sources = self.document("grafana/provisioning/datasources/skopos.yml");
        let kinds: Vec<&Value> = list(&sources["datasources"])
            .iter()
            .map(|source| &source["type"])
            .collect();
        assert_eq!(kinds, ["prometheus", "loki", "jaeger"]);
        let providers = self.document(&format!("grafana/provisioning/dashboards/{}.yml", self.system.name));
        let folder = providers["providers"][0]["options"]["path"].as_str();
        folder.expect("a path").to_owned()
    }

    /// The compose file mounts the dashboards, which lie in `source`, where Grafana looks for them.
    pub fn assert_grafana_finds_the_dashboards(&self, source: &str) {
        let folder = self.grafana_folder();
        let file = self.document("compose.yaml");
        let mounted = strings(&file["services"]["grafana"]["volumes"]);
        assert!(
            mounted.contains(&format!("{source}:{folder}:ro").as_str()),
            "{source} at {folder} is not among {mounted:?}"
        );
    }
}

/// Each panel has an id of its own, explains itself, asks the chosen source, has a unit, and lies over no other.
pub fn assert_panels_are_complete(dashboard: &Value) {
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard["panels"]) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: an id twice");
        let description = panel["description"].as_str();
        assert!(description.is_some_and(|text| text.ends_with('.')), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = list(&panel["targets"]);
        assert!(!targets.is_empty(), "{title}");
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{title}");
        let unit = &panel["fieldConfig"]["defaults"]["unit"];
        assert!(unit.is_string() || panel["type"] == "table", "{title}: no unit");
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(x < 24 && cells.insert((x, y)), "{title} lies over another");
            }
        }
    }
}
