//! The objects for Kubernetes: each service runs, is scraped once, and is watched by the pack's own rules.

use serde_json::{Value, json};

use crate::pack::{document, documents, list, services};

fn named(file: &str, kind: &str, name: &str) -> Value {
    let found = documents(file)
        .into_iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{file} has no {kind} {name}"))
}

#[test]
fn the_cluster_has_the_rules_of_the_pack() {
    let groups = |file| list(&document(file)["groups"], "groups").clone();
    let expected = [groups("alerts.yml"), groups("recording_rules.yml")].concat();
    let rule = document("kubernetes/prometheusrule.yaml");
    assert_eq!(rule["kind"], "PrometheusRule");
    assert_eq!(rule["spec"]["groups"], Value::Array(expected));
}

#[test]
fn each_service_runs_and_is_found_by_its_monitor() {
    for (name, port) in services() {
        let deployment = named("kubernetes/services.yaml", "Deployment", name);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = list(&container["args"], "args");
        assert_eq!(arguments[..3], ["fleet", "recommender", name].map(Value::from));
        assert!(arguments.contains(&json!(format!("0.0.0.0:{port}"))), "{name}");
        assert_eq!(container["ports"], json!([{ "name": "http", "containerPort": port }]));
        let service = named("kubernetes/services.yaml", "Service", name);
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&service["spec"]["selector"], labels, "{name}");
        let monitor = named(
            "kubernetes/servicemonitors.yaml",
            "ServiceMonitor",
            &format!("{name}-metrics"),
        );
        assert_eq!(
            monitor["spec"]["selector"]["matchLabels"],
            service["metadata"]["labels"]
        );
        assert_eq!(
            monitor["spec"]["endpoints"][0]["port"],
            service["spec"]["ports"][0]["name"]
        );
        assert_eq!(monitor["spec"]["jobLabel"], "app");
    }
}

/// What the service is told is what the cluster enforces, so the alerts on limits mean the same.
#[test]
fn the_limits_are_those_that_the_service_is_told() {
    for (name, _) in services() {
        let deployment = named("kubernetes/services.yaml", "Deployment", name);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = list(&container["args"], "args");
        let at = arguments.iter().position(|argument| argument == "--memory-limit");
        let told = arguments[at.expect("it is told") + 1]
            .as_str()
            .expect("a number of MiB");
        assert_eq!(container["resources"]["limits"]["memory"], format!("{told}Mi"));
        // The service's own default is half a core.
        assert_eq!(container["resources"]["limits"]["cpu"], "500m");
    }
}

#[test]
fn each_job_of_the_pack_is_one_target_with_a_clean_instance() {
    let config = document("prometheus.yml");
    let jobs = list(&config["scrape_configs"], "scrape_configs");
    assert_eq!(jobs.len(), 9);
    for job in jobs {
        let relabelled = json!([{ "target_label": "instance", "replacement": job["job_name"] }]);
        assert_eq!(job["relabel_configs"], relabelled);
    }
    for (name, port) in services() {
        let job = jobs
            .iter()
            .find(|job| job["job_name"] == name)
            .expect("each service is scraped");
        assert_eq!(
            job["static_configs"][0]["targets"],
            json!([format!("localhost:{port}")])
        );
    }
    assert_eq!(config["global"]["scrape_interval"], "15s");
    assert_eq!(
        config["global"]["external_labels"]["monitor"],
        "embedding-recommender-saas"
    );
}
