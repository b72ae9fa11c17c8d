//! The dashboard: its eight panels, their lines and states, and that every alert leads to it.

use serde_json::Value;
use skopos_fleet_testing::{assert_panels_are_complete, list};

use crate::PACK;

/// Titles and the limits that are drawn, in the order of the system's page.
const PANELS: [(&str, &[f64]); 8] = [
    ("API latency p99", &[0.5]),
    ("API latency p95", &[0.3]),
    ("Request rate by pattern", &[]),
    ("Error rate", &[0.01, 0.05]),
    ("Pack freshness", &[1.0, 2.0, 3.0]),
    ("Pack build duration", &[600.0]),
    ("Agent invocations by capability", &[]),
    ("Circuit breaker state", &[1.0, 2.0]),
];

fn dashboard() -> Value {
    PACK.dashboard("slo-overview")
}

/// Panels of the second dashboard, which answers later asks: heat maps of agents, business, the provider, jobs.
const BUSINESS: [&str; 12] = [
    "Patterns run in an hour",
    "Trades booked in an hour",
    "Refused requests",
    "Latency of agents",
    "Agent latency p95 by capability",
    "Time of pattern steps",
    "Packs built in an hour",
    "Delivery of prices",
    "Runs of jobs",
    "Time of jobs",
    "Reconciliation",
    "Delivery of alerts on prices",
];

#[test]
fn business_agents_and_provider_have_a_dashboard_of_their_own() {
    let dashboard = PACK.dashboard("business");
    let panels = list(&dashboard["panels"]);
    let titles: Vec<&str> = panels.iter().filter_map(|panel| panel["title"].as_str()).collect();
    assert_eq!(titles, BUSINESS);
    let heat = panels
        .iter()
        .find(|panel| panel["type"] == "heatmap")
        .expect("a heat map");
    assert_eq!(heat["targets"][0]["format"], "heatmap");
}

#[test]
fn all_eight_panels_stand_with_their_limits() {
    let dashboard = dashboard();
    assert_eq!(dashboard["title"], "DawsOS SLO Overview");
    assert_panels_are_complete(&dashboard);
    let panels = list(&dashboard["panels"]);
    assert_eq!(panels.len(), PANELS.len());
    for (panel, (title, limits)) in panels.iter().zip(PANELS) {
        assert_eq!(panel["title"], title);
        let defaults = &panel["fieldConfig"]["defaults"];
        let steps = list(&defaults["thresholds"]["steps"]).iter();
        let found: Vec<f64> = steps.filter_map(|step| step["value"].as_f64()).collect();
        assert_eq!(found, limits, "{title}");
        if panel["type"] == "timeseries" && !limits.is_empty() {
            assert_eq!(defaults["custom"]["thresholdsStyle"]["mode"], "line", "{title}");
        }
        assert!(defaults["unit"].is_string(), "{title}");
    }
}

#[test]
fn states_have_their_names() {
    let dashboard = dashboard();
    let names = |title: &str| {
        let mut panels = list(&dashboard["panels"]).iter();
        let panel = panels.find(|panel| panel["title"] == title).expect(title);
        let options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"].clone();
        let options = options.as_object().expect("value mappings").clone();
        let names = options.into_iter().map(|(value, state)| (value, state["text"].clone()));
        names
            .map(|(value, name)| format!("{value} {}", name.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("Pack freshness"), ["0 WARMING", "1 FRESH", "2 ERROR", "3 STALE"]);
    assert_eq!(names("Circuit breaker state"), ["0 CLOSED", "1 OPEN", "2 HALF_OPEN"]);
}

#[test]
fn every_alert_leads_to_it_and_grafana_finds_it() {
    let link = format!("/d/{}", dashboard()["uid"].as_str().expect("a uid"));
    for rule in PACK.alerts() {
        assert!(
            rule["alert"] == "Watchdog" || rule["annotations"]["dashboard"] == link.as_str(),
            "{}",
            rule["alert"]
        );
    }
    PACK.assert_grafana_finds_the_dashboards("./dashboards");
}
