//! The dashboards: those that the system's page names, each panel complete, and every alert links to one of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::pack::{document, list, text};

/// File, unique id, panels, refresh, variables.
const DASHBOARDS: [(&str, &str, usize, &str, &[&str]); 5] = [
    ("system-health", "recommender-system-health", 6, "15s", &["service"]),
    (
        "api-performance",
        "recommender-api-performance",
        10,
        "15s",
        &["method", "endpoint", "tenant"],
    ),
    ("ml-engine-performance", "recommender-ml-engine", 10, "10s", &["tenant"]),
    (
        "business-metrics",
        "recommender-business-metrics",
        12,
        "30s",
        &["tenant"],
    ),
    ("slo", "recommender-slo", 6, "30s", &[]),
];

fn dashboard(file: &str) -> Value {
    serde_json::from_str(&text(&format!("dashboards/Team Zeta/{file}.json"))).expect("JSON")
}

#[test]
fn all_stand_with_their_panels() {
    for (file, uid, panels, refresh, variables) in DASHBOARDS {
        let dashboard = dashboard(file);
        assert_eq!(
            (&dashboard["uid"], &dashboard["refresh"]),
            (&json!(uid), &json!(refresh))
        );
        assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 39));
        assert_eq!(list(&dashboard["panels"], "panels").len(), panels, "{file}");
        let names: Vec<&str> = list(&dashboard["templating"]["list"], "variables")
            .iter()
            .filter(|variable| variable["type"] == "query")
            .filter_map(|variable| variable["name"].as_str())
            .collect();
        assert_eq!(names, variables, "{file}");
    }
}

#[test]
fn each_panel_is_complete_and_none_lies_over_another() {
    for (file, ..) in DASHBOARDS {
        let dashboard = dashboard(file);
        let mut cells = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard["panels"], "panels") {
            let title = panel["title"].as_str().expect("a title");
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{file}: {title}");
            assert!(
                panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{file}: {title}"
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}: {title}");
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string() || panel["type"] == "table",
                "{file}: {title}"
            );
            assert!(!list(&panel["targets"], "targets").is_empty());
            let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(x < 24 && cells.insert((x, y)), "{file}: {title} lies over another");
                }
            }
        }
    }
}

#[test]
fn alerts_and_links_lead_to_dashboards_that_exist() {
    let known: BTreeSet<String> = DASHBOARDS.iter().map(|(_, uid, ..)| format!("/d/{uid}")).collect();
    for group in list(&document("alerts.yml")["groups"], "groups") {
        for rule in list(&group["rules"], "rules") {
            let target = rule["annotations"]["dashboard"].as_str().expect("each alert names one");
            assert!(known.contains(target), "{}: {target}", rule["alert"]);
        }
    }
    for (file, uid, ..) in DASHBOARDS {
        let links: BTreeSet<String> = list(&dashboard(file)["links"], "links")
            .iter()
            .filter_map(|link| link["url"].as_str().map(str::to_owned))
            .collect();
        let others: BTreeSet<String> = known
            .iter()
            .filter(|url| **url != format!("/d/{uid}"))
            .cloned()
            .collect();
        assert_eq!(links, others, "{file}");
    }
}

#[test]
fn grafana_is_given_the_folder_and_the_sources() {
    let provider = &document("grafana/provisioning/dashboards/recommender.yml")["providers"][0];
    assert_eq!(provider["folder"], "Team Zeta");
    let sources = document("grafana/provisioning/datasources/skopos.yml");
    let kinds: Vec<&str> = list(&sources["datasources"], "datasources")
        .iter()
        .filter_map(|source| source["type"].as_str())
        .collect();
    assert_eq!(kinds, ["prometheus", "loki", "jaeger"]);
    assert!(text("compose.yaml").contains(provider["options"]["path"].as_str().expect("a path")));
}
