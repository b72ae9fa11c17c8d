//! Remote write of single samples whose values are their ids, and the ids that a server has.

use prost::Message as _;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::program::Program;

/// Remote write 1.0 of one sample whose value is the id; each hundred ids are a series, so that
/// series are both made and continued.
pub(super) fn request(
    client: &reqwest::Client,
    url: &str,
    name: &str,
    id: u64,
    timestamp_ms: i64,
) -> reqwest::RequestBuilder {
    let label = |name: &str, value: String| LabelMessage {
        name: name.to_owned(),
        value,
    };
    let series = TimeSeries {
        labels: vec![
            label("__name__", name.to_owned()),
            label("block", (id / 100).to_string()),
        ],
        samples: vec![SampleMessage {
            value: id as f64,
            timestamp: timestamp_ms,
        }],
        ..TimeSeries::default()
    };
    let body = WriteRequest {
        timeseries: vec![series],
        metadata: Vec::new(),
    }
    .encode_to_vec();
    let body = snap::raw::Encoder::new()
        .compress_vec(&body)
        .expect("small bodies compress");
    client
        .post(url)
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(body)
}

/// Writes one sample of now; gives the status, and the body where it is no success.
pub(super) async fn push(program: &Program, name: &str, id: u64) -> (u16, String) {
    let now_ms = (super::now_ns() / 1_000_000) as i64;
    let url = format!("{}/api/v1/write", program.url);
    let answer = request(&reqwest::Client::new(), &url, name, id, now_ms).send().await;
    let answer = answer.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("a body"))
}

/// The values of all samples of a metric in the last hour, ascending, each as often as it is there.
pub(super) async fn stored(program: &Program, name: &str) -> Vec<u64> {
    let answer = program.get("/api/v1/query", &[("query", format!("{name}[1h]"))]).await;
    let series = answer["data"]["result"].as_array().expect("a matrix");
    let values = series
        .iter()
        .flat_map(|series| series["values"].as_array().expect("floats"));
    let mut values: Vec<u64> = values
        .map(|point| point[1].as_str().expect("text").parse::<f64>().expect("a number") as u64)
        .collect();
    values.sort_unstable();
    values
}
