//! The four dashboards: their panels, and that nothing in them is left empty or lies over something else.

use serde_json::Value;
use skopos_fleet_testing::{assert_panels_are_complete, list};

use crate::PACK;

/// File, title and panels, as the system's page lists them.
const DASHBOARDS: [(&str, &str, usize); 4] = [
    ("overview", "SomaAgent Overview", 6),
    ("kamachiq-workflows", "KAMACHIQ Workflows", 7),
    ("production-sla", "Production SLA", 7),
    ("marketplace-analytics", "Marketplace Analytics", 8),
];

#[test]
fn every_dashboard_has_its_panels() {
    for (file, title, count) in DASHBOARDS {
        let dashboard = PACK.dashboard(file);
        assert_eq!(dashboard["uid"], format!("somaagent-{file}"));
        assert_eq!(
            (&dashboard["title"], list(&dashboard["panels"]).len()),
            (&Value::from(title), count)
        );
    }
}

#[test]
fn every_panel_asks_and_explains_and_lies_over_no_other() {
    for (file, ..) in DASHBOARDS {
        assert_panels_are_complete(&PACK.dashboard(file));
    }
}

#[test]
fn the_limits_of_the_alerts_are_lines() {
    let steps = |file: &str, title: &str| {
        let dashboard = PACK.dashboard(file);
        let panel = list(&dashboard["panels"])
            .iter()
            .find(|panel| panel["title"] == title)
            .expect(title);
        let steps: Vec<f64> = list(&panel["fieldConfig"]["defaults"]["thresholds"]["steps"])
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
