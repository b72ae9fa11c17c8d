//! Scrapes of real HTTP servers in this process.

mod failure_log;
mod monitors;
mod oauth2;
mod proxy;
mod sink;
mod site;
mod tls;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skopos_config::PrometheusConfig;
use skopos_core::ledger::{Ledger, Outcome};
use skopos_scrape::{InProcessJob, InProcessTarget, ScrapeManager, ScrapeOptions, TargetHealth};

use sink::TestSink;
use site::Site;

struct Bench {
    sink: Arc<TestSink>,
    ledger: Arc<Ledger>,
    manager: ScrapeManager,
}

fn bench() -> Bench {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first provider");
    });
    let (sink, ledger) = (Arc::new(TestSink::default()), Arc::new(Ledger::default()));
    let options = ScrapeOptions {
        ledger: Arc::clone(&ledger),
        ..ScrapeOptions::default()
    };
    let manager = ScrapeManager::new(Arc::clone(&sink) as Arc<_>, options);
    Bench { sink, ledger, manager }
}

impl Bench {
    fn apply(&self, jobs: &str) {
        self.apply_at(jobs, Path::new("prometheus.yml"));
    }

    fn apply_at(&self, jobs: &str, path: &Path) {
        let text = format!("global: {{scrape_interval: 40ms, scrape_timeout: 40ms}}\nscrape_configs:\n{jobs}");
        let config = PrometheusConfig::parse(&text, path).unwrap_or_else(|error| panic!("{error}"));
        self.manager.apply(&config).expect("applies");
    }

    async fn stored(&self, line: &str) {
        self.sink
            .until(line, |lines| lines.iter().any(|stored| stored == line))
            .await;
    }
}

/// Serves on a free port until the test ends.
async fn serve(router: axum::Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn job(site: &Site, more: &str) -> String {
    format!(
        "- job_name: j\n  static_configs: [{{targets: ['{}'], labels: {{l: v}}}}]\n{more}",
        site.address()
    )
}

fn line(site: &Site, metric: &str, value: &str) -> String {
    format!(
        "{{__name__=\"{metric}\", instance=\"{}\", job=\"j\", l=\"v\"}} {value}",
        site.address()
    )
}

#[tokio::test]
async fn a_target_is_scraped_and_reported() {
    let site = Site::start("# TYPE a counter\na 1\n").await;
    let bench = bench();
    bench.apply(&job(&site, "  basic_auth: {username: u, password: p}\n"));
    bench.stored(&line(&site, "a", "1")).await;
    bench.stored(&line(&site, "up", "1")).await;
    bench.stored(&line(&site, "scrape_samples_scraped", "1")).await;
    bench
        .stored(&line(&site, "scrape_samples_post_metric_relabeling", "1"))
        .await;
    bench.stored(&line(&site, "scrape_series_added", "1")).await;
    bench.stored(&line(&site, "scrape_series_added", "0")).await;

    let request = site.last_request();
    for header in [
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 0.04",
        "authorization: Basic dTpw",
        "user-agent: Skopos/",
    ] {
        assert!(request.contains(header), "{header} in {request}");
    }
    let targets = bench.manager.targets();
    assert_eq!(targets.pools, ["j"]);
    let target = &targets.active[0];
    assert_eq!((target.health, target.last_error.as_str()), (TargetHealth::Up, ""));
    assert_eq!(target.target.url, format!("http://{}/metrics", site.address()));
    assert!(target.last_scrape_ms.is_some());
    assert_eq!(bench.manager.metadata()[0].metadata[0].metric, "a");
    let stored = bench
        .ledger
        .snapshot()
        .into_iter()
        .find(|(key, _)| key.outcome == Outcome::Stored);
    assert!(stored.is_some_and(|(key, count)| key.door == "scrape" && count >= 6));
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn classic_histograms_are_converted_and_broken_ones_counted() {
    let good = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 3\nh_count 2\n";
    let site = Site::start(&format!(
        "{good}# TYPE b histogram\nb_bucket{{le=\"1\"}} 5\nb_count 2\n"
    ))
    .await;
    let bench = bench();
    bench.apply(&job(&site, "  convert_classic_histograms_to_nhcb: true\n"));
    bench.stored(&line(&site, "h", "histogram")).await;
    bench.stored(&line(&site, "scrape_samples_scraped", "1")).await;
    let dropped = bench.ledger.snapshot().into_iter();
    let mut dropped = dropped.filter(|(key, _)| key.outcome == Outcome::Dropped);
    assert_eq!(dropped.next().map(|(key, _)| key.reason), Some("invalid_histogram"));
    site.answer_status("503 Service Unavailable");
    bench.stored(&line(&site, "h", "stale")).await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn gzip_and_openmetrics_are_read() {
    let site = Site::start("").await;
    site.answer_gzip("application/openmetrics-text; version=1.0.0", "a_total 4\n# EOF\n");
    let bench = bench();
    bench.apply(&job(&site, ""));
    bench.stored(&line(&site, "a_total", "4")).await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_failing_target_goes_stale_and_comes_back() {
    let site = Site::start("a 1\n").await;
    let bench = bench();
    bench.apply(&job(&site, ""));
    bench.stored(&line(&site, "a", "1")).await;

    site.answer_status("503 Service Unavailable");
    bench.stored(&line(&site, "a", "stale")).await;
    bench.stored(&line(&site, "up", "0")).await;
    let error = bench.manager.targets().active[0].last_error.clone();
    assert_eq!(error, "server returned HTTP status 503 Service Unavailable");

    site.answer("a 2\n");
    bench.stored(&line(&site, "a", "2")).await;
    site.answer("b 1\n");
    bench.stored(&line(&site, "b", "1")).await;
    assert_eq!(bench.sink.count(&line(&site, "a", "stale")), 2);
    bench.manager.shutdown().await;
    assert_eq!(
        bench.sink.count(&line(&site, "b", "stale")),
        0,
        "no markers when the process stops"
    );
}

#[tokio::test]
async fn errors_of_whole_scrapes() {
    for (more, answer, error) in [
        (
            "  sample_limit: 1\n",
            "a 1\nb 1\n",
            "sample limit exceeded: more than 1 samples",
        ),
        ("  body_size_limit: 3B\n", "a 1\n", "body size limit exceeded: 3 bytes"),
        ("", "a x\n", "line 1: \"x\" is not a number"),
        (
            "  oauth2: {client_id: a, token_url: 'http://127.0.0.1:1/'}\n",
            "a 1\n",
            "oauth2: cannot fetch token: Connection refused (os error 111)",
        ),
    ] {
        let site = Site::start(answer).await;
        let bench = bench();
        bench.apply(&job(&site, more));
        bench.stored(&line(&site, "up", "0")).await;
        let target = bench.manager.targets().active.remove(0);
        assert_eq!((target.health, target.last_error.as_str()), (TargetHealth::Down, error));
        bench.manager.shutdown().await;
    }
}

#[tokio::test]
async fn an_unknown_content_type_fails_unless_there_is_a_fallback() {
    let site = Site::start("").await;
    site.answer_as("text/html", "a 1\n");
    let bench = bench();
    bench.apply(&job(&site, ""));
    bench.stored(&line(&site, "up", "0")).await;
    assert!(
        bench.manager.targets().active[0]
            .last_error
            .starts_with("received unsupported Content-Type \"text/html\"")
    );
    bench.apply(&job(&site, "  fallback_scrape_protocol: PrometheusText0.0.4\n"));
    bench.stored(&line(&site, "a", "1")).await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn targets_come_and_go_with_their_file() {
    let site = Site::start("a 1\n").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("targets.json");
    let group = format!("[{{\"targets\":[\"{}\"],\"labels\":{{\"l\":\"v\"}}}}]", site.address());
    std::fs::write(&file, group).expect("writable");
    let bench = bench();
    let jobs = "- job_name: j\n  file_sd_configs: [{files: ['targets.json'], refresh_interval: 20ms}]\n";
    bench.apply_at(jobs, &folder.path().join("prometheus.yml"));
    bench.stored(&line(&site, "a", "1")).await;

    std::fs::write(&file, "[]").expect("writable");
    bench.stored(&line(&site, "a", "stale")).await;
    bench.stored(&line(&site, "up", "stale")).await;
    assert_eq!(
        bench.sink.count(&line(&site, "scrape_timeout_seconds", "stale")),
        0,
        "it was never written"
    );
    assert_eq!(bench.manager.targets().active, []);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_reload_leaves_unchanged_jobs_alone_and_watches_over_changed_ones() {
    let (same, changed) = (Site::start("a 1\n").await, Site::start("a 1\nb 1\n").await);
    let bench = bench();
    let jobs = |rules: &str| {
        format!(
            "{}- job_name: k\n  static_configs: [{{targets: ['{}']}}]\n{rules}",
            job(&same, ""),
            changed.address()
        )
    };
    let of_k = |metric: &str, value: &str| {
        format!(
            "{{__name__=\"{metric}\", instance=\"{}\", job=\"k\"}} {value}",
            changed.address()
        )
    };
    bench.apply(&jobs(""));
    bench.stored(&of_k("b", "1")).await;
    bench.stored(&line(&same, "a", "1")).await;

    bench.apply(&jobs(
        "  metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]\n",
    ));
    bench.stored(&of_k("b", "stale")).await;
    bench.stored(&of_k("scrape_samples_post_metric_relabeling", "1")).await;
    assert_eq!(
        bench.sink.count(&line(&same, "scrape_series_added", "1")),
        1,
        "the other job kept its cache"
    );
    assert_eq!(bench.sink.count(&of_k("a", "stale")), 0);

    bench.apply(&job(&same, ""));
    bench.stored(&of_k("a", "stale")).await;
    assert_eq!(bench.manager.targets().pools, ["j"]);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn dropped_targets_are_told_and_too_many_fail() {
    let site = Site::start("a 1\n").await;
    let bench = bench();
    let address = site.address();
    bench.apply(&format!(
        "- job_name: j\n  target_limit: 1\n  static_configs: [{{targets: ['{address}', 'x:1', 'y:1'], labels: {{l: v}}}}]\n  relabel_configs: [{{source_labels: [__address__], regex: 'x:1', action: drop}}]\n"
    ));
    bench.stored(&line(&site, "up", "0")).await;
    let targets = bench.manager.targets();
    assert_eq!(targets.dropped_counts["j"], 1);
    assert_eq!(targets.dropped[0].discovered_labels.get("__address__"), "x:1");
    assert_eq!(targets.active.len(), 2);
    assert!(
        targets.active[0]
            .last_error
            .starts_with("target_limit exceeded (number of targets: 2, limit: 1)")
    );
    bench.manager.shutdown().await;
}

#[derive(Debug)]
struct Own;

impl InProcessTarget for Own {
    fn render(&self) -> String {
        "own_total 3\n".to_owned()
    }
}

#[tokio::test]
async fn targets_inside_the_process_are_scraped_alike() {
    let bench = bench();
    let job = InProcessJob {
        job: "skopos".to_owned(),
        instance: "localhost:9090".to_owned(),
        labels: BTreeMap::new(),
        interval: Duration::from_millis(40),
        target: Arc::new(Own),
    };
    bench.manager.add_in_process(job).expect("running");
    bench
        .stored(r#"{__name__="own_total", instance="localhost:9090", job="skopos"} 3"#)
        .await;
    bench
        .stored(r#"{__name__="up", instance="localhost:9090", job="skopos"} 1"#)
        .await;
    assert_eq!(bench.manager.targets().pools, ["skopos"]);
    bench.manager.shutdown().await;
    assert!(
        bench.manager.apply(&PrometheusConfig::default()).is_err(),
        "it has been shut down"
    );
}

/// A counter `c_total` of 3 in protobuf, preceded by its length.
const PROTOBUF_COUNTER: &[u8] =
    b"\x1a\x0a\x07c_total\x18\x00\x22\x0d\x0a\x00\x1a\x09\x09\x00\x00\x00\x00\x00\x00\x08\x40";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_is_asked_for_and_read() {
    let bench = bench();
    let site = Site::start("").await;
    let media_type = "application/vnd.google.protobuf";
    site.answer_bytes(
        &format!("{media_type}; proto=io.prometheus.client.MetricFamily; encoding=delimited"),
        PROTOBUF_COUNTER,
    );
    bench.apply(&job(&site, "  scrape_native_histograms: true\n"));
    let address = site.address();
    bench
        .stored(&format!(
            r#"{{__name__="c_total", instance="{address}", job="j", l="v"}} 3"#
        ))
        .await;
    let wanted = format!("accept: {media_type};proto=io.prometheus.client.metricfamily;encoding=delimited;q=0.6,");
    let request = site.last_request().to_ascii_lowercase();
    assert!(request.contains(&wanted), "{request}");
    bench.manager.shutdown().await;
}
