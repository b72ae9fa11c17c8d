//! The four dashboards: their panels, and that nothing in them is left empty or lies over something else.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pack::text;

/// File, title and panels, as the system's page lists them.
const DASHBOARDS: [(&str, &str, usize); 4] = [
    ("overview", "SomaAgent Overview", 6),
    ("kamachiq-workflows", "KAMACHIQ Workflows", 7),
    ("production-sla", "Production SLA", 7),
    ("marketplace-analytics", "Marketplace Analytics", 8),
];

fn dashboard(file: &str) -> Value {
    serde_json::from_str(&text(&format!("dashboards/{file}.json"))).expect("JSON")
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().expect("panels")
}

#[test]
fn every_dashboard_has_its_panels() {
    for (file, title, count) in DASHBOARDS {
        let dashboard = dashboard(file);
        assert_eq!(dashboard["uid"], format!("somaagent-{file}"));
        assert_eq!(
            (&dashboard["title"], panels(&dashboard).len()),
            (&Value::from(title), count)
        );
        assert!(dashboard["schemaVersion"].as_u64() >= Some(39));
    }
}

#[test]
fn every_panel_asks_and_explains() {
    for (file, ..) in DASHBOARDS {
        let dashboard = dashboard(file);
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().expect("a title");
            assert!(ids.insert(panel["id"].as_u64()), "{title}: an id twice");
            assert!(
                panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{title}"
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let targets = panel["targets"].as_array().expect("targets");
            assert!(!targets.is_empty(), "{title}");
            assert!(targets.iter().all(|target| target["expr"].is_string()), "{title}");
            let has_unit = panel["fieldConfig"]["defaults"]["unit"].is_string() || panel["type"] == "table";
            assert!(has_unit, "{title}: no unit");
        }
    }
}

#[test]
fn no_panel_lies_over_another() {
    for (file, ..) in DASHBOARDS {
        let dashboard = dashboard(file);
        let mut cells = BTreeSet::new();
        for panel in panels(&dashboard) {
            let side = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
            assert!(side("x") + side("w") <= 24);
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(cells.insert((x, y)), "{file}: {} lies over another", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn the_limits_of_the_alerts_are_lines() {
    let steps = |file: &str, title: &str| {
        let dashboard = dashboard(file);
        let panel = panels(&dashboard)
            .iter()
            .find(|panel| panel["title"] == title)
            .expect(title);
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].clone();
        let steps: Vec<f64> = steps
            .as_array()
            .expect("steps")
            .iter()
            .filter_map(|step| step["value"].as_f64())
            .collect();
        steps
    };
    assert!(steps("kamachiq-workflows", "Success rate").contains(&0.95));
    assert!(steps("production-sla", "Availability").contains(&0.999));
    assert!(steps("production-sla", "Latency P95").contains(&500.0));
    assert!(steps("production-sla", "Error budget burn rate").contains(&14.4));
    assert!(steps("marketplace-analytics", "Search latency P95").contains(&0.5));
}
