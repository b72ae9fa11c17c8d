//! The dashboards: those that the system's page names, each panel complete, and every alert links to one of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skopos_fleet_testing::{assert_panels_are_complete, list};

use crate::PACK;

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
    PACK.dashboard(&format!("Team Zeta/{file}"))
}

#[test]
fn all_stand_with_their_panels() {
    for (file, uid, panels, refresh, variables) in DASHBOARDS {
        let dashboard = dashboard(file);
        assert_eq!(
            (&dashboard["uid"], &dashboard["refresh"]),
            (&json!(uid), &json!(refresh))
        );
        assert_eq!(list(&dashboard["panels"]).len(), panels, "{file}");
        let names: Vec<&str> = list(&dashboard["templating"]["list"])
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
        assert_panels_are_complete(&dashboard(file));
    }
}

#[test]
fn alerts_and_links_lead_to_dashboards_that_exist() {
    let known: BTreeSet<String> = DASHBOARDS.iter().map(|(_, uid, ..)| format!("/d/{uid}")).collect();
    for rule in PACK.alerts() {
        let target = rule["annotations"]["dashboard"].as_str().expect("each alert names one");
        assert!(known.contains(target), "{}: {target}", rule["alert"]);
    }
    for (file, uid, ..) in DASHBOARDS {
        let links: BTreeSet<String> = list(&dashboard(file)["links"])
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
    PACK.assert_grafana_finds_the_dashboards("./dashboards/Team Zeta");
    let provider = &PACK.document("grafana/provisioning/dashboards/recommender.yml")["providers"][0];
    assert_eq!(provider["folder"], "Team Zeta");
}
