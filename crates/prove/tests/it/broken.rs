//! The real rules that are broken: promtool agrees that they stay silent on the input that their
//! authors had in mind.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;
use skopos_prove::{Link, Verdict};

use crate::real::{real_reports, shared};

/// An alert, and the series that should make it fire by what its name says.
const MEANT: &[(&str, &[(&str, &str)])] = &[
    (
        "TempoBadOverrides",
        &[(r#"tempo_runtime_config_last_reload_successful{job="a"}"#, "0x120")],
    ),
    (
        "MemcachedLowCacheHitRate(<80%)",
        &[
            (r#"memcached_commands_total{command="get",status="hit"}"#, "0+60x120"),
            (r#"memcached_commands_total{command="get",status="miss"}"#, "0+600x120"),
        ],
    ),
    (
        "MongodbTooManyConnections(dcu)",
        &[
            (r#"mongodb_connections{state="current"}"#, "95x120"),
            (r#"mongodb_connections{state="available"}"#, "5x120"),
        ],
    ),
    (
        "MongodbTooManyConnections(percona)",
        &[
            (r#"mongodb_ss_connections{conn_type="current"}"#, "95x120"),
            (r#"mongodb_ss_connections{conn_type="available"}"#, "5x120"),
        ],
    ),
    (
        "TraefikBackendDown",
        &[(r#"traefik_backend_server_up{backend="b"}"#, "1x5 _x115")],
    ),
    (
        "TraefikServiceDown",
        &[(r#"traefik_service_server_up{service="b"}"#, "1x5 _x115")],
    ),
    (
        "AlertmanagerClusterFailedToSendAlerts",
        &[
            (
                r#"alertmanager_notifications_failed_total{job="alertmanager-main",container="alertmanager",namespace="monitoring",integration="slack",reason="other"}"#,
                "0+60x120",
            ),
            (
                r#"alertmanager_notifications_total{job="alertmanager-main",container="alertmanager",namespace="monitoring",integration="slack"}"#,
                "0+60x120",
            ),
        ],
    ),
    (
        "AerospikeHighClientReadErrorRate",
        &[
            (
                r#"aerospike_namespace_client_read_error{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+6000x120",
            ),
            (
                r#"aerospike_namespace_client_read_success{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+1x120",
            ),
        ],
    ),
    (
        "AerospikeHighClientWriteErrorRate",
        &[
            (
                r#"aerospike_namespace_client_write_error{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+6000x120",
            ),
            (
                r#"aerospike_namespace_client_write_success{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+1x120",
            ),
        ],
    ),
    (
        "AerospikeHighClientUDFErrorRate",
        &[
            (
                r#"aerospike_namespace_client_udf_error{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+6000x120",
            ),
            (
                r#"aerospike_namespace_client_udf_complete{instance="a",aerospike_cluster="c",ns="n"}"#,
                "0+1x120",
            ),
        ],
    ),
    (
        "GitLabHigh5xxResponses",
        &[
            (r#"http_requests_total{instance="a",status="500"}"#, "0+600x120"),
            (r#"http_requests_total{instance="a",status="200"}"#, "0+60x120"),
        ],
    ),
    (
        "GitLabHigh4xxResponses",
        &[
            (r#"http_requests_total{instance="a",status="404"}"#, "0+600x120"),
            (r#"http_requests_total{instance="a",status="200"}"#, "0+60x120"),
        ],
    ),
    (
        "KafkaBrokerCount",
        &[(
            r#"kafka_server_kafkaserver_brokerstate{job="integrations/kafka",kafka_cluster="c"}"#,
            "3x5 _x115",
        )],
    ),
    (
        "KafkaZookeeperSyncConnect",
        &[(
            r#"kafka_server_sessionexpirelistener_zookeepersyncconnectspersec{quantile="0.95",job="integrations/kafka",kafka_cluster="c",instance="a"}"#,
            "1000-5x120",
        )],
    ),
];

/// Fires, but its annotation is an error.
const FAILS_TO_TELL: &str = "RunningOutOfCiliumClusterIdentities";

#[test]
fn real_rules_that_are_broken_stay_silent_in_promtool() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut unknown = Vec::new();
    let mut arguments = Vec::new();
    for report in real_reports() {
        assert_ne!(
            report.verdict,
            Verdict::NotProvable,
            "{}: {:?}",
            report.name,
            report.why
        );
        if report.verdict == Verdict::Proven {
            continue;
        }
        if report.name == FAILS_TO_TELL {
            assert_eq!(report.link, Some(Link::Template));
            continue;
        }
        let Some((_, series)) = MEANT.iter().find(|(name, _)| *name == report.name) else {
            unknown.push(format!("{}: {:?}", report.name, report.why));
            continue;
        };
        // Objects of Kubernetes are no rule files: promtool gets the rule alone.
        let rule = json!({"alert": report.name, "expr": report.expr});
        let rules = json!({"groups": [{"name": "g", "rules": [rule]}]});
        let index = arguments.len();
        std::fs::write(folder.path().join(format!("rules-{index}.yml")), rules.to_string()).expect("it can be written");
        let series: Vec<BTreeMap<&str, &str>> = series
            .iter()
            .map(|(series, values)| BTreeMap::from([("series", *series), ("values", *values)]))
            .collect();
        let times = ["10m", "30m", "100m"];
        let silent = times.map(|time| json!({"eval_time": time, "alertname": report.name, "exp_alerts": []}));
        let test = json!({
            "rule_files": [format!("rules-{index}.yml")],
            "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": silent}],
        });
        let path = folder.path().join(format!("test-{index}.yml"));
        std::fs::write(&path, test.to_string()).expect("it can be written");
        arguments.push(path);
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert_eq!(arguments.len(), 15, "{}", shared("real/rules").display());
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .args(&arguments)
        .output();
    let output = output.unwrap_or_else(|error| panic!("promtool, of the package prometheus: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
