//! The objects for Kubernetes: each service runs, is scraped once, and is watched by the pack's own rules.

use serde_json::json;
use skopos_fleet_testing::strings;

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
        let monitor = cluster.object("ServiceMonitor", &format!("{name}-metrics"));
        assert_eq!(monitor, cluster.monitor(name));
        assert_eq!(monitor["spec"]["jobLabel"], "app");
    }
}

/// What the service is told is what the cluster enforces, so the alerts on limits mean the same.
#[test]
fn the_limits_are_those_that_the_service_is_told() {
    let cluster = PACK.cluster();
    for (name, _) in PACK.services() {
        let container = cluster.container(name);
        let arguments = strings(&container["args"]);
        let at = arguments.iter().position(|argument| *argument == "--memory-limit");
        let told = arguments[at.expect("it is told") + 1];
        assert_eq!(container["resources"]["limits"]["memory"], format!("{told}Mi"));
        // The service's own default is half a core.
        assert_eq!(container["resources"]["limits"]["cpu"], "500m");
    }
}

#[test]
fn each_job_of_the_pack_is_one_target_with_a_clean_instance() {
    PACK.assert_each_service_is_scraped();
    let jobs = PACK.scrape_jobs();
    assert_eq!(jobs.len(), 9);
    for job in jobs {
        let relabelled = json!([{ "target_label": "instance", "replacement": job["job_name"] }]);
        assert_eq!(job["relabel_configs"], relabelled);
    }
    let global = &PACK.document("prometheus.yml")["global"];
    assert_eq!(global["scrape_interval"], "15s");
    assert_eq!(global["external_labels"]["monitor"], "embedding-recommender-saas");
}
