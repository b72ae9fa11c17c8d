//! The metrics of the machine that runs the tests.

use super::Host;
use super::family::Families;

#[test]
fn the_metrics_people_query_are_there() {
    let text = Host.render();
    for start in [
        "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} ",
        "node_load1 ",
        "node_memory_MemTotal_bytes ",
        "node_memory_MemAvailable_bytes ",
        "node_filesystem_size_bytes{device=",
        "node_network_receive_bytes_total{device=\"lo\"} ",
        "node_boot_time_seconds ",
        "node_time_seconds ",
        "node_uname_info{domainname=",
        "node_scrape_collector_success{collector=\"meminfo\"} 1",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(start)),
            "no {start} in:\n{text}"
        );
    }
}

#[test]
fn each_family_is_described_once_before_its_samples() {
    let text = Host.render();
    let mut described: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().expect("a name");
            assert!(!described.contains(&name), "{name} twice");
            described.push(name);
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            assert_eq!(described.last(), Some(&name));
        }
    }
}

#[test]
fn values_of_labels_are_escaped() {
    let mut families = Families::default();
    families.gauge("a", "h\n", &[("x", "q\"\\\n"), ("y", "")], 1.5);
    assert_eq!(
        families.to_string(),
        "# HELP a h\\n\n# TYPE a gauge\na{x=\"q\\\"\\\\\\n\",y=\"\"} 1.5\n"
    );
}
