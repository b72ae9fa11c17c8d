//! Endpoints of Prometheus' API beyond queries: admin, remote read, notifications, forms in parts,
//! statistics, features, and what Skopos explains.

use std::sync::Arc;

use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};
use skopos_core::histogram::{FloatHistogram, Span};
use skopos_core::metric::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use skopos_core::{Labels, TenantId};
use skopos_server::{AdminApi, ServerOptions, Stores as _};
use skopos_wire::remote_write::TimeSeries;

use crate::harness::{Answer, Harness};

const T0_MS: i64 = 1_700_000_000_000;

/// Ten samples a minute apart of `m{n="0"}` and `m{n="1"}`.
pub(crate) fn load(harness: &Harness) {
    let series = (0..2).map(|number| SeriesBatch {
        labels: Labels::from_pairs([("__name__", "m"), ("n", &number.to_string())]),
        samples: (0..10)
            .map(|at| MetricSample {
                timestamp_ms: T0_MS + at * 60_000,
                value: MetricValue::Float(at as f64),
            })
            .collect(),
        ..SeriesBatch::default()
    });
    let batch = MetricBatch {
        series: series.collect(),
        ..MetricBatch::default()
    };
    let stores = harness.stores.tenant(&TenantId::default());
    let report = stores.metric_sink.append(batch).expect("the log is writable");
    assert_eq!(report.stored, 20);
}

async fn with_admin() -> Harness {
    let options = ServerOptions {
        admin_api: AdminApi::Enabled,
        ..ServerOptions::default()
    };
    let harness = Harness::with(options).await;
    load(&harness);
    harness
}

async fn count(harness: &Harness, query: &str) -> usize {
    let time = ((T0_MS + 540_000) / 1000).to_string();
    let answer = harness
        .json("/api/v1/query", &[("query", query), ("time", &time)])
        .await;
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_are_deleted_cleaned_and_copied() {
    let harness = with_admin().await;
    let admin = |action: &str| harness.post(&format!("/api/v1/admin/tsdb/{action}"));
    let refused = Answer::of(admin("delete_series")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert_eq!(count(&harness, "m").await, 2);
    let deleted = Answer::of(admin("delete_series").form(&[("match[]", "m{n=\"0\"}")])).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
    assert_eq!(count(&harness, "m").await, 1);
    let cleaned = Answer::of(admin("clean_tombstones")).await;
    assert_eq!(cleaned.status, StatusCode::NO_CONTENT, "{}", cleaned.body);
    let copied = Answer::of(admin("snapshot")).await;
    let name = copied.json()["data"]["name"].as_str().expect("a name").to_owned();
    // `20231114T221320Z-` and 16 digits.
    assert!(name.len() == 33 && name.as_bytes()[16] == b'-', "{name}");
    harness.stop().await;
}

/// A request for `m` from the start on, as a client encodes it.
fn read_request(streamed: bool) -> Vec<u8> {
    let mut matcher = Vec::new();
    prost::encoding::string::encode(2, &"__name__".to_owned(), &mut matcher);
    prost::encoding::string::encode(3, &"m".to_owned(), &mut matcher);
    let mut query = Vec::new();
    prost::encoding::int64::encode(1, &T0_MS, &mut query);
    prost::encoding::int64::encode(2, &(T0_MS + 120_000), &mut query);
    prost::encoding::bytes::encode(3, &matcher, &mut query);
    let mut request = Vec::new();
    prost::encoding::bytes::encode(1, &query, &mut request);
    if streamed {
        prost::encoding::int32::encode(2, &1, &mut request);
    }
    snap::raw::Encoder::new().compress_vec(&request).expect("a short body")
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, repeated, tag = "1")]
    results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, Message)]
struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_are_read_from_remote() {
    let harness = Harness::start().await;
    load(&harness);
    let ask = |streamed| harness.post("/api/v1/read").body(read_request(streamed));
    let answer = ask(false).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-encoding"], "snappy");
    let body = answer.bytes().await.expect("a body");
    let body = snap::raw::Decoder::new().decompress_vec(&body).expect("snappy");
    let response = Response::decode(body.as_slice()).expect("a message");
    let series = &response.results[0].timeseries;
    assert_eq!(series.len(), 2);
    assert_eq!(series[1].samples.len(), 3, "both ends belong to the range");

    let answer = ask(true).send().await.expect("an answer");
    let content_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(
        content_type.starts_with("application/x-streamed-protobuf"),
        "{content_type}"
    );
    assert!(!answer.bytes().await.expect("a body").is_empty());
    let refused = Answer::of(harness.post("/api/v1/read").body("no snappy")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_in_parts_and_statistics() {
    let harness = Harness::start().await;
    load(&harness);
    let part =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts = [
        ("query", "sum(rate(m[5m]))"),
        ("start", "1700000300"),
        ("end", "1700000420"),
        ("step", "60"),
        ("stats", "all"),
    ];
    let body: String = parts.iter().map(|(name, value)| part(name, value)).collect();
    let request = harness
        .post("/api/v1/query_range")
        .header("Content-Type", "multipart/form-data; boundary=b")
        .body(body + "--b--\r\n");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let samples = &answer.json()["data"]["stats"]["samples"];
    // Windows of five minutes over two series: five samples each at all three steps.
    assert_eq!(samples["totalQueryableSamples"], 30);
    assert_eq!(
        samples["totalQueryableSamplesPerStep"],
        Value::Null,
        "only with the feature"
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_explained() {
    let harness = Harness::start().await;
    load(&harness);
    let ask = [
        (
            "query",
            "sum(rate(m[5m])) / sum(rate(m[5m])) > bool 2 * max_over_time(m[5m:1m])",
        ),
        ("time", "1700000540"),
    ];
    let explained = harness.json("/api/skopos/explain", &ask).await;
    assert_eq!(explained["selectors"].as_array().map(Vec::len), Some(3));
    let first = &explained["selectors"][0];
    assert_eq!(first["selector"], "m[5m]");
    assert_eq!(first["startMs"], T0_MS + 240_001);
    assert_eq!(first["series"], 2);
    assert_eq!(explained["plan"]["what"], "operator >");
    let divided = &explained["plan"]["parts"][0];
    assert_eq!(divided["parts"][0]["repeats"], true, "{divided}");
    assert_eq!(explained["read"]["series"], 4, "what repeats is read once: {explained}");
    let without = harness
        .json("/api/skopos/explain", &[ask[0], ask[1], ("run", "false")])
        .await;
    assert_eq!(without["read"], Value::Null);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_what_it_can() {
    let harness = with_admin().await;
    let features = harness.json("/api/v1/features", &[]).await;
    assert_eq!(features["data"]["api"]["admin"], true);
    assert_eq!(features["data"]["promql_functions"]["rate"], true);
    assert_eq!(features["data"]["promql_operators"]["atan2"], true);
    assert_eq!(harness.json("/api/v1/notifications", &[]).await["data"], json!([]));
    let head = &harness.json("/api/v1/status/tsdb", &[]).await["data"];
    assert_eq!(head["headStats"]["numSeries"], 2);
    assert_eq!(head["seriesCountByMetricName"], json!([{ "name": "m", "value": 2 }]));
    let own = harness.json("/api/skopos/cardinality", &[("limit", "1")]).await;
    assert_eq!(
        (&own["series"], &own["created"], &own["removed"]),
        (&json!(2), &json!(2), &json!(0))
    );
    assert_eq!(own["createdByMetric"], json!([{ "name": "m", "value": 2 }]));
    let blocks = |answer: serde_json::Value| answer["data"]["blocks"].as_array().cloned().expect("a list");
    assert!(blocks(harness.json("/api/v1/status/tsdb/blocks", &[]).await).is_empty());
    let snapshot = Answer::of(harness.post("/api/v1/admin/tsdb/snapshot")).await;
    assert_eq!(snapshot.status, StatusCode::OK, "{}", snapshot.body);
    let written = blocks(harness.json("/api/v1/status/tsdb/blocks", &[]).await);
    assert_eq!(written.len(), 1, "the head was written for the snapshot: {written:?}");
    assert_eq!(written[0]["stats"]["numSeries"], 2);
    assert_eq!(written[0]["stats"]["numSamples"], 20);
    let live = harness
        .get("/api/v1/notifications/live")
        .send()
        .await
        .expect("an answer");
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    drop(live);
    let unknown = Answer::of(
        harness
            .get("/api/v1/targets/relabel_steps")
            .query(&[("scrapePool", "none")]),
    )
    .await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST, "{}", unknown.body);
    harness.stop().await;
}

/// Floats as text or as protobuf; native histograms as protobuf alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_are_federated() {
    let harness = Harness::start().await;
    let histogram = FloatHistogram {
        count: 3.0,
        sum: 4.5,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        positive_buckets: vec![3.0],
        ..FloatHistogram::default()
    };
    let now_ms = i64::try_from(
        std::time::UNIX_EPOCH
            .elapsed()
            .expect("it is later than 1970")
            .as_millis(),
    )
    .expect("it is not that late");
    let of = |name: &str, value: MetricValue| SeriesBatch {
        labels: Labels::from_pairs([("__name__", name), ("job", "a")]),
        samples: vec![MetricSample {
            timestamp_ms: now_ms - 1000,
            value,
        }],
        ..SeriesBatch::default()
    };
    let batch = MetricBatch {
        series: vec![
            of("float", MetricValue::Float(1.5)),
            of("native", MetricValue::Histogram(Arc::new(histogram))),
        ],
        ..MetricBatch::default()
    };
    let stores = harness.stores.tenant(&TenantId::default());
    stores.metric_sink.append(batch).expect("the log is writable");
    let ask = || harness.get("/federate").query(&[("match[]", "{job=\"a\"}")]);
    let text = Answer::of(ask()).await;
    assert!(
        text.body.contains("float{job=\"a\"} 1.5 ") && !text.body.contains("native"),
        "{}",
        text.body
    );
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6";
    let answer = ask().header("Accept", accept).send().await.expect("an answer");
    let content_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(
        content_type.starts_with("application/vnd.google.protobuf"),
        "{content_type}"
    );
    let body = answer.bytes().await.expect("a body");
    for name in ["float", "native"] {
        assert!(
            body.windows(name.len()).any(|window| window == name.as_bytes()),
            "{name} is missing"
        );
    }
    harness.stop().await;
}
