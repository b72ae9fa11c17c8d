//! Remote read by the built program: of a real Prometheus and of another Skopos.

use std::path::Path;

use prost::Message as _;
use serde_json::{Value, json};
use skopos_wire::remote_write::{BucketSpan, HistogramMessage, LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::differential::prometheus::{Prometheus, Setup};
use crate::program::Program;
use crate::webhook::eventually;

const QUIET: [&str; 2] = ["--self.scrape-interval", "0s"];
const GLOBAL: &str = "global: {evaluation_interval: 1s, external_labels: {site: here}}\n";

/// Writes floats of the series `a` of `rr_sample`, and a native histogram where `has_histogram`.
async fn push(url: &str, samples: &[(i64, f64)], has_histogram: bool) {
    let labels = |name: &str| {
        let pairs = [("__name__", name), ("series", "a")];
        let label = |(name, value): (&str, &str)| LabelMessage {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        pairs.map(label).to_vec()
    };
    let sample = |(timestamp, value): &(i64, f64)| SampleMessage {
        value: *value,
        timestamp: *timestamp,
    };
    let mut timeseries = vec![TimeSeries {
        labels: labels("rr_sample"),
        samples: samples.iter().map(sample).collect(),
        ..TimeSeries::default()
    }];
    if has_histogram {
        timeseries.push(TimeSeries {
            labels: labels("rr_histogram"),
            histograms: vec![HistogramMessage {
                count_int: Some(3),
                sum: 4.5,
                zero_count_int: Some(0),
                positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
                positive_deltas: vec![1, 1],
                timestamp: samples[0].0,
                ..HistogramMessage::default()
            }],
            ..TimeSeries::default()
        });
    }
    let request = WriteRequest {
        timeseries,
        metadata: Vec::new(),
    };
    let body = snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("a short body");
    let request = reqwest::Client::new().post(format!("{url}/api/v1/write")).body(body);
    let answer = request
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .send()
        .await
        .expect("an answer");
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap_or_default()
    );
}

fn configure(folder: &Path, remotes: &str) -> String {
    let file = folder.join("prometheus.yml");
    std::fs::write(
        &file,
        format!("{GLOBAL}rule_files: [rules.yml]\nremote_read: [{remotes}]\n"),
    )
    .expect("a file");
    let rules = "groups: [{name: g, rules: [{record: ruled, expr: 'count_over_time(rr_sample[10m])'}]}]\n";
    std::fs::write(folder.join("rules.yml"), rules).expect("a file");
    file.display().to_string()
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}

async fn query(program: &Program, text: &str, time_ms: i64) -> Value {
    let time = format!("{}", time_ms as f64 / 1000.0);
    program
        .get("/api/v1/query", &[("query", text.to_owned()), ("time", time)])
        .await
}

/// The values of the only series of a range vector.
fn values(answer: &Value) -> Vec<&str> {
    let values = answer["data"]["result"][0]["values"].as_array();
    let values = values.unwrap_or_else(|| panic!("no samples: {answer}"));
    values.iter().filter_map(|sample| sample[1].as_str()).collect()
}

/// Reads `url`, whose store is empty, beside an own store.
async fn reads(url: &str, histogram_answer: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let now = now_ms();
    push(url, &[(now - 60_000, 1.0), (now - 30_000, 2.0)], true).await;
    let remote = format!("{{name: far, url: '{url}/api/v1/read', read_recent: true}}");
    let file = configure(folder.path(), &remote);
    let data = folder.path().join("data");
    let program = Program::start(&data, &[QUIET[0], QUIET[1], "--config.file", &file]).await;
    push(&program.url, &[(now - 30_000, 9.0)], false).await;

    let found = query(&program, "rr_sample[5m]", now).await;
    assert_eq!(values(&found), ["1", "9"]);
    let labels = json!({"__name__": "rr_sample", "series": "a"});
    assert_eq!(found["data"]["result"][0]["metric"], labels);
    let counted = query(&program, "histogram_count(rr_histogram)", now).await;
    assert_eq!(counted["data"]["result"][0]["value"][1], "3", "{counted}");
    let range = [
        ("query", "sum_over_time(rr_sample[1m])".to_owned()),
        ("start", format!("{}", (now - 30_000) as f64 / 1000.0)),
        ("end", format!("{}", now as f64 / 1000.0)),
        ("step", "30".to_owned()),
    ];
    let ranged = program.get("/api/v1/query_range", &range).await;
    assert_eq!(values(&ranged).first(), Some(&"10"), "{ranged}");
    let series = program
        .get("/api/v1/series", &[("match[]", "rr_histogram".to_owned())])
        .await;
    assert_eq!(series["data"][0]["__name__"], "rr_histogram", "{series}");
    assert!(series.get("warnings").is_none(), "{series}");
    let names = program.get("/api/v1/label/__name__/values", &[]).await;
    assert!(
        !names["data"]
            .as_array()
            .expect("a list")
            .contains(&json!("rr_histogram"))
    );
    eventually("a rule reads the remote", async || {
        let ruled = query(&program, "ruled", now_ms()).await;
        (ruled["data"]["result"][0]["value"][1] == "2").then_some(())
    })
    .await;
    let own = program.metrics().await;
    let answered = |line: &&str| {
        line.starts_with("prometheus_remote_storage_read_queries_total{code=\"200\",remote_name=\"far\"")
            && line.contains(&format!("response_type=\"{histogram_answer}\""))
    };
    assert!(own.lines().any(|line| answered(&line)), "{own}");

    configure(folder.path(), "");
    program.hang_up();
    eventually("after a reload nothing is read", async || {
        let found = query(&program, "rr_sample[5m]", now).await;
        (values(&found) == ["9"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_is_read_in_chunks() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup {
        config: GLOBAL,
        flags: &["--enable-feature=native-histograms"],
        ..Setup::default()
    };
    let prometheus = Prometheus::start_as(folder.path(), setup).await;
    reads(&prometheus.url, "chunked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_skopos_is_read_with_its_native_histograms() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, GLOBAL).expect("a file");
    let flags = [QUIET[0], QUIET[1], "--config.file", &file.display().to_string()];
    let other = Program::start(&folder.path().join("data"), &flags).await;
    reads(&other.url, "sampled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_that_fails_leaves_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = Program::start(&folder.path().join("other"), &QUIET).await;
    let nobody = crate::differential::prometheus::free_address();
    let remotes = format!(
        "{{url: '{}/nowhere', read_recent: true}}, {{url: 'http://{nobody}/', read_recent: true}}, \
         {{url: 'http://{nobody}/unasked', read_recent: true, required_matchers: {{series: b}}}}",
        other.url
    );
    let file = configure(folder.path(), &remotes);
    let data = folder.path().join("data");
    let program = Program::start(&data, &[QUIET[0], QUIET[1], "--config.file", &file]).await;
    let now = now_ms();
    push(&program.url, &[(now - 30_000, 9.0)], false).await;
    let found = query(&program, "rr_sample[5m]", now).await;
    assert_eq!(values(&found), ["9"]);
    let warnings = found["warnings"].as_array().expect("warnings").clone();
    let texts: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].starts_with("remote_read: error sending request: "),
        "{texts:?}"
    );
    let refused = format!(
        "remote_read: remote server {}/nowhere returned http status 404",
        other.url
    );
    assert!(texts[1].starts_with(&refused), "{texts:?}");
    let series = program
        .get("/api/v1/series", &[("match[]", "rr_sample".to_owned())])
        .await;
    assert_eq!(series["warnings"].as_array().map(Vec::len), Some(2), "{series}");
}
