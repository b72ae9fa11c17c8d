//! The objects for Kubernetes and the scrape file: each service runs, is scraped once, and is watched by the same rules.

use serde_json::json;
use skopos_fleet_testing::list;

use crate::PACK;

#[test]
fn the_cluster_has_the_rules_of_the_pack() {
    PACK.cluster().assert_has_the_rules();
}

#[test]
fn each_service_runs_and_is_found_by_its_monitor() {
    let cluster = PACK.cluster();
    cluster.assert_runs_each_service();
    cluster.assert_monitors_find_one_service_each();
    cluster.assert_gives_each_job();
    for (name, _) in PACK.services() {
        let errors_always = json!({ "name": "ERRORS_ALWAYS", "value": "true" });
        assert!(list(&cluster.container(name)["env"]).contains(&errors_always), "{name}");
        let monitor = cluster.object("ServiceMonitor", &format!("{name}-metrics"));
        assert_eq!(monitor, cluster.monitor(name));
        assert_eq!(monitor["spec"]["endpoints"][0]["interval"], "10s");
        assert_eq!(monitor["spec"]["jobLabel"], "app");
    }
}

#[test]
fn every_service_and_the_server_itself_are_scraped() {
    PACK.assert_each_service_is_scraped();
    let targets = PACK.targets();
    assert_eq!(targets["prometheus"], json!(["localhost:9090"]));
    assert_eq!(targets.len(), PACK.services().count() + 1);
    assert_eq!(PACK.document("prometheus.yml")["global"]["scrape_interval"], "10s");
}
