//! Each back end on a real socket: what arrives there, and what happens when it goes away under load.

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;

use crate::collector::Collector;
use crate::service::Service;
use crate::support::{NOBODY, set_up, wait_until};

/// Requests of one burst. Two spans each, so that a burst is longer than the queue of the test.
const BURST: usize = 200;
const QUEUE: [(&str, &str); 3] = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", "128"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"),
    ("OTEL_BSP_SCHEDULE_DELAY", "20"),
];

/// Serves while the back end lives, while it is being killed and after; every span is accounted for.
fn pull_away(mut collector: Collector, vars: &[(&str, &str)]) {
    let vars: Vec<(&str, &str)> = vars.iter().chain(&QUEUE).copied().collect();
    let service = Service::start(&vars);
    service.serve(BURST);
    wait_until("an export", || service.metric("otel_spans_exported_total") > 0.0);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| service.serve(BURST));
        collector.kill();
        load.join().expect("every request succeeds");
    });
    service.serve(BURST);
    service.observability.flush();
    let made = 2.0 * 3.0 * BURST as f64;
    let count = || service.metric("otel_spans_exported_total") + service.dropped("spans");
    wait_until("the account of all spans", || count() == made);
    assert!(service.dropped("spans") > 0.0);
    assert_eq!(service.metric("otel_spans_queued"), 0.0);
    let served = "http_requests_total{endpoint=\"/work\",method=\"GET\",status=\"200\"}";
    assert_eq!(service.metric(served), 3.0 * BURST as f64);
    service.observability.shutdown();
}

#[test]
fn otlp_over_grpc_is_pulled_away_under_load() {
    let collector = Collector::grpc();
    let endpoint = format!("http://{}", collector.address);
    pull_away(
        collector,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ],
    );
}

#[test]
fn otlp_over_http_is_pulled_away_under_load() {
    let collector = Collector::http();
    let endpoint = format!("http://{}", collector.address);
    let vars = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ];
    pull_away(collector, &vars);
}

#[test]
fn jaeger_is_pulled_away_under_load() {
    let collector = Collector::http();
    let endpoint = format!("http://{}/api/traces", collector.address);
    pull_away(collector, &[("JAEGER_ENDPOINT", &endpoint)]);
}

#[test]
fn datadog_is_pulled_away_under_load() {
    let collector = Collector::http();
    let endpoint = format!("http://{}", collector.address);
    pull_away(
        collector,
        &[("APM_BACKEND", "datadog"), ("DATADOG_ENDPOINT", &endpoint)],
    );
}

#[test]
fn a_back_end_that_never_was_costs_no_request() {
    let endpoint = format!("http://{NOBODY}");
    let vars: Vec<(&str, &str)> = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())]
        .into_iter()
        .chain(QUEUE)
        .collect();
    let service = Service::start(&vars);
    service.serve(BURST);
    wait_until("a drop", || service.dropped("spans") > 0.0);
    service.observability.shutdown();
}

#[test]
fn each_back_end_gets_its_own_format() {
    let check = |vars: &[(&str, &str)], path: &str, content_type: &str| {
        let collector = Collector::http();
        let endpoint = format!("http://{}", collector.address);
        let vars: Vec<(&str, &str)> = vars
            .iter()
            .map(|(k, v)| (*k, if *v == "ENDPOINT" { endpoint.as_str() } else { *v }))
            .collect();
        let service = Service::start(&vars);
        service.serve(1);
        service.observability.flush();
        let received = collector.received();
        let (found, headers, body) = received.first().expect("an export");
        assert_eq!(found, path);
        assert_eq!(headers["content-type"], content_type);
        assert!(!body.is_empty());
        headers.clone()
    };
    let otlp = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme%20inc"),
    ];
    let headers = check(&otlp, "/v1/traces", "application/x-protobuf");
    assert_eq!(
        (&headers["content-encoding"], &headers["x-tenant"]),
        (&"gzip".parse().expect("text"), &"acme inc".parse().expect("text"))
    );
    check(
        &[("JAEGER_ENDPOINT", "ENDPOINT")],
        "/api/traces",
        "application/vnd.apache.thrift.binary",
    );
    let datadog = [
        ("APM_BACKEND", "datadog"),
        ("DATADOG_ENDPOINT", "ENDPOINT"),
        ("DATADOG_API_KEY", "key"),
    ];
    let headers = check(&datadog, "/v0.4/traces", "application/msgpack");
    assert_eq!(
        (&headers["x-datadog-trace-count"], &headers["dd-api-key"]),
        (&"1".parse().expect("text"), &"key".parse().expect("text"))
    );
}

#[test]
fn metrics_travel_over_otlp_as_totals_or_differences() {
    for (preference, temporality) in [("delta", 1), ("cumulative", 2)] {
        let collector = Collector::http();
        let endpoint = format!("http://{}", collector.address);
        let (observability, _) = set_up(&[
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference),
        ]);
        let invoices = observability.meter("billing").u64_counter("invoices.sent").build();
        invoices.add(3, &[KeyValue::new("tenant", "acme")]);
        observability.flush();
        assert_eq!(collector.paths(), ["/v1/metrics"]);
        let (_, _, body) = collector.received()[0].clone();
        let request = ExportMetricsServiceRequest::decode(body).expect("protobuf");
        let metrics = request
            .resource_metrics
            .iter()
            .flat_map(|r| &r.scope_metrics)
            .flat_map(|s| &s.metrics);
        let sums: Vec<i32> = metrics
            .filter(|metric| metric.name == "invoices.sent")
            .filter_map(|metric| match &metric.data {
                Some(Data::Sum(sum)) => Some(sum.aggregation_temporality),
                _ => None,
            })
            .collect();
        assert_eq!(sums, [temporality], "{preference}");
        // Whatever OTLP carries, the exposition has it as well.
        assert!(
            observability
                .render_metrics()
                .contains("invoices_sent_total{tenant=\"acme\"")
        );
    }
}

#[test]
fn the_listener_serves_metrics_on_its_own_port_and_path() {
    use std::io::{Read, Write};
    let vars = [
        ("APM_BACKEND", "prometheus"),
        ("PROMETHEUS_PORT", "0"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("PROMETHEUS_METRICS_PATH", "/stats"),
    ];
    let (observability, _) = set_up(&vars);
    let address = observability.metrics_address().expect("a listener");
    let mut socket = std::net::TcpStream::connect(address).expect("connects");
    socket
        .write_all(b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("writes");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("reads");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("process_open_fds"),
        "{answer}"
    );

    // The port is taken now; the second set-up goes on without and says so.
    let port = address.port().to_string();
    let vars: Vec<(&str, &str)> = vars
        .iter()
        .map(|(k, v)| (*k, if *k == "PROMETHEUS_PORT" { port.as_str() } else { *v }))
        .collect();
    let (second, lines) = set_up(&vars);
    assert_eq!(second.metrics_address(), None);
    assert!(
        lines
            .lock()
            .expect("no panic while held")
            .contains("set PROMETHEUS_PORT")
    );
}
