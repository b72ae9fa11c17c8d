//! Exponential and explicit histograms as native ones.

use serde_json::{Value, json};
use skopos_core::histogram::{FloatHistogram, Span};
use skopos_core::metric::MetricValue;
use skopos_wire::otlp::{Codec, DeltaStreams, MetricOptions, decode_metrics, metric_batch};

use super::{expect, flag, list, text};
use crate::Outcome;

/// The finest scale that a native histogram has: finer ones are merged down.
const MAX_SCHEMA: i64 = 8;

pub(super) fn run(suite: &Value, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in list(suite, "bucket_layouts")? {
        outcome.record(text(case, "id"), layout(case));
    }
    for case in list(suite, "points")? {
        let got = histogram(&case["otlp"]);
        outcome.record(text(case, "id"), compare(got, &case["expect"]));
    }
    Ok(())
}

/// A layout as a data point that leads to it.
fn layout(case: &Value) -> Result<(), String> {
    let counts = case["counts"].as_array().ok_or("counts is no list")?;
    let point = if text(case, "kind") == "explicit" {
        let bounds: Vec<usize> = (1..counts.len()).collect();
        json!({ "bucketCounts": counts, "explicitBounds": bounds })
    } else {
        let scale = match case["scale_down"].as_i64() {
            None | Some(0) => 0,
            Some(scale_down) => MAX_SCHEMA + scale_down,
        };
        json!({ "scale": scale, "positive": { "offset": case["offset"], "bucketCounts": counts } })
    };
    let got = histogram(&point)?;
    expect("spans", &got.positive_spans, &spans(&case["expect"]["spans"]))?;
    expect("counts", &got.positive_buckets, &absolute(&case["expect"]["deltas"]))
}

/// The native histogram of a data point in OTLP's JSON.
pub(super) fn histogram(point: &Value) -> Result<FloatHistogram, String> {
    let kind = if point["explicitBounds"].is_null() {
        "exponentialHistogram"
    } else {
        "histogram"
    };
    let metric = json!({ "name": "h", kind: { "aggregationTemporality": 2, "dataPoints": [point] } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [metric] }] }] });
    let request = decode_metrics(Codec::Json, body.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let options = MetricOptions {
        convert_histograms_to_nhcb: true,
        ..MetricOptions::default()
    };
    let got = metric_batch(&request, &options, &mut DeltaStreams::default(), 1);
    let sample = got.batch.series.first().and_then(|series| series.samples.first());
    match sample.map(|sample| &sample.value) {
        Some(MetricValue::Histogram(histogram)) => Ok(FloatHistogram::clone(histogram)),
        other => Err(format!(
            "no histogram but {other:?}; refused: {:?}",
            got.refused.refused
        )),
    }
}

pub(super) fn compare(got: Result<FloatHistogram, String>, wanted: &Value) -> Result<(), String> {
    let got = match (got, flag(wanted, "error")) {
        (Ok(got), false) => got,
        (Err(_), true) => return Ok(()),
        (Ok(_), true) => return Err("should be refused".to_owned()),
        (Err(error), false) => return Err(error),
    };
    let number = |name: &str| wanted[name].as_f64().unwrap_or(0.0);
    expect("schema", &f64::from(got.schema), &number("schema"))?;
    expect("count", &got.count, &number("count"))?;
    expect("sum", &got.sum, &number("sum"))?;
    expect("zero threshold", &got.zero_threshold, &number("zero_threshold"))?;
    expect("zero count", &got.zero_count, &number("zero_count"))?;
    expect("bounds", &got.custom_values, &floats(&wanted["custom_values"]))?;
    for (side, spans_of, buckets) in [
        ("positive", &got.positive_spans, &got.positive_buckets),
        ("negative", &got.negative_spans, &got.negative_buckets),
    ] {
        let named = |what: &str| &wanted[format!("{side}_{what}")];
        expect(&format!("{side} spans"), spans_of, &spans(named("spans")))?;
        expect(&format!("{side} counts"), buckets, &absolute(named("deltas")))?;
    }
    Ok(())
}

fn floats(list: &Value) -> Vec<f64> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect()
}

fn spans(list: &Value) -> Vec<Span> {
    let pairs = list.as_array().into_iter().flatten();
    pairs
        .map(|pair| Span {
            offset: pair[0].as_i64().unwrap_or_default() as i32,
            length: pair[1].as_u64().unwrap_or_default() as u32,
        })
        .collect()
}

fn absolute(deltas: &Value) -> Vec<f64> {
    let deltas = floats(deltas).into_iter();
    deltas
        .scan(0.0, |count, delta| {
            *count += delta;
            Some(*count)
        })
        .collect()
}
