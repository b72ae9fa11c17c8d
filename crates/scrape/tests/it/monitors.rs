//! Objects of the Prometheus operator, from the document to the labels of a target.

use std::path::Path;

use serde_json::{Value, json};
use skopos_config::{PrometheusConfig, ScrapeConfig, TargetGroup};
use skopos_discovery::monitors::{ClusterAccess, Jobs, documents, scrape_jobs};
use skopos_relabel::Relabeler;
use skopos_scrape::{Discovered, Target, targets_of_group};

fn jobs(text: &str) -> Jobs {
    let objects = documents(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let main = PrometheusConfig::parse("global: {scrape_interval: 20s}", Path::new("prometheus.yml")).expect("good");
    scrape_jobs(&objects, &ClusterAccess::default(), &main.global)
}

/// The one job of a document.
fn job(text: &str) -> ScrapeConfig {
    let mut jobs = jobs(text);
    assert_eq!(jobs.errors, []);
    assert_eq!(jobs.warnings, Vec::<String>::new());
    assert_eq!(jobs.configs.len(), 1);
    jobs.configs.remove(0)
}

/// What a job makes of a discovered target; `labels` without the prefix of Kubernetes.
fn target(job: &ScrapeConfig, address: &str, labels: &[(&str, &str)]) -> Option<Target> {
    let relabeler = Relabeler::new(&job.relabel_configs).expect("patterns compile");
    let group = TargetGroup {
        targets: vec![address.to_owned()],
        labels: labels
            .iter()
            .map(|(name, value)| (format!("__meta_kubernetes_{name}"), (*value).to_owned()))
            .collect(),
    };
    match targets_of_group(job, &relabeler, &group).remove(0) {
        Discovered::Target(target) => Some(*target),
        Discovered::Dropped { .. } => None,
        Discovered::Invalid { reason, .. } => panic!("{reason}"),
    }
}

fn discovery(job: &ScrapeConfig) -> Value {
    let text = serde_json::to_string(&job.discovery).expect("it is shown");
    serde_json::from_str::<Value>(&text).expect("JSON")["kubernetes_sd_configs"][0].clone()
}

const SERVICE: &str = "
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web, namespace: observability}
spec:
  jobLabel: app
  targetLabels: [team]
  podTargetLabels: [app.kubernetes.io/version]
  sampleLimit: 500
  namespaceSelector: {matchNames: [shop]}
  attachMetadata: {node: true}
  selector:
    matchLabels: {app: web.v1}
    matchExpressions:
      - {key: tier, operator: In, values: [front, back]}
      - {key: canary, operator: DoesNotExist}
  endpoints:
    - port: http
      path: /m
      interval: 30s
      scrapeTimeout: 5s
      scheme: HTTPS
      params: {a: [b]}
      honorLabels: true
      basicAuth: {username: {name: login, key: user}, password: {name: login, key: pass}}
      tlsConfig: {insecureSkipVerify: true}
      relabelings: [{sourceLabels: [pod], targetLabel: copy, action: Replace}]
      metricRelabelings: [{sourceLabels: [__name__], regex: go_.*, action: drop}]
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: observability}
data: {user: dQ==}
stringData: {pass: hidden}
";

#[test]
fn a_service_monitor_keeps_and_names_what_the_operator_does() {
    let job = job(SERVICE);
    assert_eq!(job.job_name, "serviceMonitor/observability/web/0");
    assert_eq!(
        discovery(&job),
        json!({"role": "endpoints", "namespaces": {"names": ["shop"]}, "attach_metadata": {"node": true}})
    );
    assert_eq!(
        (job.metrics_path.as_str(), job.scheme.as_str(), job.honor_labels),
        ("/m", "https", true)
    );
    assert_eq!((job.scrape_interval.as_secs(), job.scrape_timeout.as_secs()), (30, 5));
    assert_eq!(job.limits.sample_limit, 500);
    assert_eq!(job.metric_relabel_configs.len(), 1);
    let auth = job.http_client.basic_auth.as_ref().expect("credentials");
    assert_eq!((auth.username.as_str(), auth.password.expose()), ("u", "hidden"));

    let found = [
        ("namespace", "shop"),
        ("service_name", "web-svc"),
        ("service_label_app", "web.v1"),
        ("service_labelpresent_app", "true"),
        ("service_label_tier", "back"),
        ("service_labelpresent_tier", "true"),
        ("service_label_team", "cart"),
        ("endpoint_port_name", "http"),
        ("endpoint_address_target_kind", "Pod"),
        ("endpoint_address_target_name", "web-1"),
        ("pod_name", "web-1"),
        ("pod_container_name", "app"),
        ("pod_label_app_kubernetes_io_version", "2"),
        ("pod_phase", "Running"),
    ];
    let kept = target(&job, "10.0.0.1:8080", &found).expect("it matches");
    assert_eq!(kept.url, "https://10.0.0.1:8080/m?a=b");
    assert_eq!(
        kept.labels.to_string(),
        r#"{app_kubernetes_io_version="2", container="app", copy="web-1", endpoint="http", instance="10.0.0.1:8080", job="web.v1", namespace="shop", pod="web-1", service="web-svc", team="cart"}"#
    );
    for (label, value) in [
        ("service_label_app", "webxv1"),
        ("service_label_tier", "data"),
        ("service_labelpresent_canary", "true"),
        ("endpoint_port_name", "grpc"),
        ("pod_phase", "Succeeded"),
    ] {
        let mut other: Vec<_> = found.iter().copied().filter(|(name, _)| *name != label).collect();
        other.push((label, value));
        assert_eq!(target(&job, "10.0.0.1:8080", &other), None, "{label}={value}");
    }
}

#[test]
fn a_pod_monitor_follows_pods() {
    let job = job("
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: agents, namespace: shop}
spec:
  selector: {matchExpressions: [{key: agent, operator: Exists}]}
  podMetricsEndpoints: [{portNumber: 9100, filterRunning: false}]
");
    assert_eq!(
        discovery(&job),
        json!({"role": "pod", "namespaces": {"names": ["shop"]}})
    );
    assert_eq!(job.scrape_interval.as_secs(), 20, "that of the main file");
    let found = [
        ("namespace", "shop"),
        ("pod_name", "a-1"),
        ("pod_labelpresent_agent", "true"),
        ("pod_container_port_number", "9100"),
        ("pod_container_name", "agent"),
        ("pod_phase", "Succeeded"),
    ];
    let kept = target(&job, "10.0.0.2:9100", &found).expect("pods that have ended are wanted");
    assert_eq!(
        kept.labels.to_string(),
        r#"{container="agent", endpoint="9100", instance="10.0.0.2:9100", job="shop/agents", namespace="shop", pod="a-1"}"#
    );
    assert_eq!(target(&job, "10.0.0.2:9100", &found[..2]), None);
}

#[test]
fn a_probe_asks_the_prober() {
    let head = "apiVersion: monitoring.coreos.com/v1\nkind: Probe\nmetadata: {name: site, namespace: shop}\n";
    let written = job(&format!(
        "{head}spec: {{jobName: pages, module: http_2xx, scrapeTimeout: 4s, prober: {{url: 'prober:9115'}}, targets: {{staticConfig: {{static: ['https://a.example/x'], labels: {{env: prod}}}}}}}}"
    ));
    let relabeler = Relabeler::new(&written.relabel_configs).expect("patterns compile");
    let found = targets_of_group(&written, &relabeler, &written.discovery.static_configs[0]).remove(0);
    let Discovered::Target(found) = found else {
        panic!("{found:?}");
    };
    assert_eq!(
        found.url,
        "http://prober:9115/probe?module=http_2xx&target=https%3A%2F%2Fa.example%2Fx"
    );
    assert_eq!(
        found.labels.to_string(),
        r#"{env="prod", instance="https://a.example/x", job="pages", namespace="shop"}"#
    );
    let ingress = job(&format!(
        "{head}spec: {{prober: {{url: 'prober:9115'}}, targets: {{ingress: {{selector: {{matchLabels: {{probe: 'yes'}}}}, namespaceSelector: {{any: true}}}}}}}}"
    ));
    assert_eq!(discovery(&ingress), json!({"role": "ingress"}));
    let found = [
        ("namespace", "shop"),
        ("ingress_name", "front"),
        ("ingress_scheme", "https"),
        ("ingress_path", "/cart"),
        ("ingress_label_probe", "yes"),
        ("ingress_labelpresent_probe", "true"),
    ];
    let kept = target(&ingress, "a.example", &found).expect("it matches");
    assert_eq!(
        kept.url,
        "http://prober:9115/probe?target=https%3A%2F%2Fa.example%2Fcart"
    );
    assert_eq!(
        kept.labels.to_string(),
        r#"{ingress="front", instance="https://a.example/cart", job="probe/shop/site", namespace="shop"}"#
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    let head = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: web, namespace: shop}\n";
    let all = |spec: &str| jobs(&format!("{head}spec: {spec}"));
    for (spec, said) in [
        (
            "{selector: {}, endpoints: [{port: a, interval: soon}]}",
            "ServiceMonitor shop/web",
        ),
        ("{endpoints: [{port: a}]}", "selector"),
        (
            "{selector: {}, endpoints: [{port: a, bearerTokenSecret: {name: s, key: k}}]}",
            "Secret shop/s with key \"k\"",
        ),
        (
            "{selector: {matchExpressions: [{key: a, operator: Like}]}, endpoints: [{port: a}]}",
            "unknown operator \"Like\"",
        ),
    ] {
        let errors = all(spec).errors;
        assert!(
            errors.len() == 1 && errors[0].to_string().contains(said),
            "{spec}: {errors:?}"
        );
    }
    let asked = all("{selector: {}, scrapeClass: x, endpoints: [{port: a}]}");
    assert_eq!(asked.errors, []);
    assert!(
        asked.warnings.iter().any(|text| text.contains("scrapeClass")),
        "{:?}",
        asked.warnings
    );
}

#[test]
fn the_monitors_of_all_packs_make_jobs() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let mut count = 0;
    for pack in std::fs::read_dir(packs).expect("packs are there") {
        let folder = pack.expect("readable").path().join("kubernetes");
        if !folder.is_dir() {
            // A file beside the packs.
            continue;
        }
        for file in std::fs::read_dir(folder).expect("each pack has objects") {
            let path = file.expect("readable").path();
            let text = std::fs::read_to_string(&path).expect("readable");
            let jobs = jobs(&text);
            assert_eq!((jobs.errors, jobs.warnings), (vec![], vec![]), "{}", path.display());
            count += jobs.configs.len();
        }
    }
    assert!(count >= 5, "each pack has a monitor: {count}");
}

const TOKEN: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: web, namespace: shop}
spec:
  selector: {}
  podMetricsEndpoints:
    - port: http
      noProxy: 10.0.0.0/8
      proxyUrl: http://proxy:3128
      proxyConnectHeader: {X-Team: [{name: client, key: team}]}
      oauth2:
        clientId: {configMap: {name: client, key: id}}
        clientSecret: {name: client, key: secret}
        tokenUrl: https://tokens.example/token
        scopes: [read]
        endpointParams: {audience: metrics}
        proxyFromEnvironment: true
        tlsConfig: {serverName: tokens, insecureSkipVerify: true}
";

const CLIENT: &str = "
---
apiVersion: v1
kind: ConfigMap
metadata: {name: client, namespace: shop}
data: {id: web}
---
apiVersion: v1
kind: Secret
metadata: {name: client, namespace: shop}
stringData: {secret: hidden, team: cart}
";

#[test]
fn tokens_of_oauth2_are_had_with_what_objects_hold() {
    let job = job(&format!("{TOKEN}{CLIENT}"));
    let oauth2 = job.http_client.oauth2.as_ref().expect("a client");
    assert_eq!(
        (oauth2.client_id.as_str(), oauth2.client_secret.expose()),
        ("web", "hidden")
    );
    assert_eq!(oauth2.token_url, "https://tokens.example/token");
    assert_eq!(oauth2.scopes, ["read"]);
    assert_eq!(oauth2.endpoint_params["audience"], "metrics");
    assert_eq!(oauth2.tls_config.server_name, "tokens");
    assert!(oauth2.tls_config.insecure_skip_verify && oauth2.proxy.proxy_from_environment);
    assert_eq!(job.http_client.proxy.no_proxy, "10.0.0.0/8");
    let headers = &job.http_client.proxy.proxy_connect_header["X-Team"];
    assert!(matches!(headers.as_slice(), [team] if team.expose() == "cart"));
}

#[test]
fn a_client_that_is_not_among_the_objects_is_named() {
    let jobs = jobs(TOKEN);
    assert!(jobs.configs.is_empty());
    let [error] = jobs.errors.as_slice() else {
        panic!("{:?}", jobs.errors);
    };
    assert_eq!(error.object, "PodMonitor shop/web");
    assert!(error.reason.starts_with("Secret shop/client with key"), "{error}");
}
