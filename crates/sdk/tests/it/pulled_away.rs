//! Logs, metrics and errors whose back end goes away under load: no request fails or waits, and what is lost is counted.

use std::net::TcpListener;

use crate::collector::Collector;
use crate::service::Service;
use crate::support::wait_until;

/// Requests of one burst, longer than the queues of the tests.
const BURST: usize = 200;
/// Ends no export while a test runs.
const FOREVER_MS: &str = "600000";

fn otlp(endpoint: &str) -> [(&str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ]
}

/// Serves while the back end lives, while it is being killed and after.
fn pull_away(collector: &mut Collector, burst: impl Fn() + Sync, has_arrived: impl FnMut() -> bool) {
    burst();
    wait_until("an export", has_arrived);
    std::thread::scope(|scope| {
        let load = scope.spawn(&burst);
        collector.kill();
        load.join().expect("every request is answered");
    });
    burst();
}

#[test]
fn log_records_are_pulled_away_under_load() {
    let mut collector = Collector::http();
    let endpoint = format!("http://{}", collector.address);
    let own = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "128"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "32"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "20"),
    ];
    let service = Service::start(&[&own[..], &otlp(&endpoint)].concat());
    pull_away(
        &mut collector,
        || service.serve(BURST),
        || service.exported("logs") > 0.0,
    );
    service.observability.flush();
    let made = 3.0 * BURST as f64;
    wait_until("the account of all records", || {
        service.exported("logs") + service.dropped("logs") == made
    });
    assert!(service.dropped("logs") > 0.0);
    assert_eq!(service.metric("otel_logs_queued"), 0.0);
    service.observability.shutdown();
}

#[test]
fn metrics_are_pulled_away_under_load() {
    let mut collector = Collector::http();
    let endpoint = format!("http://{}", collector.address);
    let own = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
        ("HTTP_METRICS", "http_requests_total,http.server.request.duration"),
    ];
    let service = Service::start(&[&own[..], &otlp(&endpoint)].concat());
    pull_away(
        &mut collector,
        || service.serve(BURST),
        || service.exported("metrics") > 0.0,
    );
    wait_until("a failed export", || {
        service.dropped_because("otel_metrics", "export_failed") > 0.0
    });
    let served = "http_requests_total{endpoint=\"/work\",method=\"GET\",status=\"200\"}";
    assert_eq!(service.metric(served), 3.0 * BURST as f64);
    service.observability.shutdown();
}

#[cfg(feature = "errors")]
#[test]
fn errors_are_pulled_away_under_load() {
    // Each event is scrubbed, which takes its time without optimization.
    const EVENTS: usize = 40;
    let mut collector = Collector::http();
    let dsn = format!("http://key@{}/7", collector.address);
    let service = Service::start(&[("OTEL_TRACES_EXPORTER", "none"), ("SENTRY_DSN", &dsn)]);
    let received = collector.received_count();
    pull_away(&mut collector, || service.fail(EVENTS), || received() > 0);
    service.observability.shutdown();
    let lost = |reason| service.dropped_because("sentry_envelopes", reason);
    // One that was under way may have arrived without its sender being told.
    wait_until("the account of all events", || {
        received() as f64 + lost("queue_full") + lost("send_failed") >= 3.0 * EVENTS as f64
    });
    assert!(lost("send_failed") > 0.0);
}

/// One back end for all that takes connections and never answers: no export ends, and nobody waits for that.
#[test]
fn a_back_end_that_hangs_holds_up_neither_requests_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = silent.local_addr().expect("bound");
    let (endpoint, dsn) = (format!("http://{address}"), format!("http://key@{address}/7"));
    let service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", FOREVER_MS),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "32"),
        ("SENTRY_DSN", &dsn),
    ]);
    service.fail(BURST);
    service.observability.shutdown();
    for what in ["spans", "logs", "metrics"] {
        let failed = service.dropped_because(&format!("otel_{what}"), "export_failed");
        assert_eq!(
            (service.exported(what), failed),
            (0.0, 0.0),
            "an export of {what} ended"
        );
    }
    for (what, made) in [("otel_spans", 2 * BURST), ("otel_logs", BURST)] {
        assert_eq!(
            service.dropped_because(what, "queue_full"),
            (made - 64) as f64,
            "{what}"
        );
    }
    #[cfg(feature = "errors")]
    assert!(service.dropped_because("sentry_envelopes", "queue_full") > 0.0);
}
