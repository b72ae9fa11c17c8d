//! Whole requests: every sample that they must give, and the metadata of its family.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skopos_core::Labels;
use skopos_core::metric::{MetricBatch, MetricValue, SeriesBatch};
use skopos_wire::otlp::{Codec, DeltaStreams, MetricOptions, decode_metrics, metric_batch};

use super::{buckets, expect, flag, list, strategy, text};
use crate::Outcome;

pub(super) fn run(suite: &Value, outcome: &mut Outcome) -> anyhow::Result<()> {
    let request = decode_metrics(Codec::Json, suite["request"].to_string().as_bytes())?;
    for case in list(suite, "cases")? {
        let options = MetricOptions {
            translation_strategy: strategy(text(case, "translation_strategy"))?,
            type_and_unit_labels: flag(case, "type_and_unit_labels"),
            ..MetricOptions::default()
        };
        let got = metric_batch(&request, &options, &mut DeltaStreams::default(), 1).batch;
        let wanted = list(case, "expect_series")?;
        let count = expect("number of series", &got.series.len(), &wanted.len());
        outcome.record(text(case, "id"), count);
        for (index, series) in wanted.iter().enumerate() {
            let result = got
                .series
                .get(index)
                .ok_or_else(|| "is missing".to_owned())
                .and_then(|got_series| check(got_series, &got, series));
            outcome.record(format!("{}, series {index}", text(case, "id")), result);
        }
    }
    Ok(())
}

fn labels(value: &Value) -> Result<Labels, String> {
    let pairs: BTreeMap<String, String> = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    Ok(Labels::from_pairs(&pairs))
}

fn check(got: &SeriesBatch, batch: &MetricBatch, wanted: &Value) -> Result<(), String> {
    expect("labels", &got.labels, &labels(&wanted["labels"])?)?;
    let [sample] = got.samples.as_slice() else {
        return Err(format!("should have one sample, has {}", got.samples.len()));
    };
    expect("time", &json!(sample.timestamp_ms), &wanted["timestamp_ms"])?;
    let start_ms: Vec<i64> = wanted["start_ms"].as_i64().into_iter().collect();
    expect("start", &got.start_timestamps_ms, &start_ms)?;
    match &sample.value {
        MetricValue::Float(value) => expect("value", &Some(*value), &wanted["value"].as_f64())?,
        MetricValue::Histogram(histogram) => {
            buckets::compare(Ok(histogram.as_ref().clone()), &wanted["native_histogram"])?;
        }
    }
    let exemplar = &wanted["exemplar"];
    match (got.exemplars.as_slice(), exemplar.is_null()) {
        ([], true) => {}
        ([got], false) => {
            expect("exemplar's labels", &got.labels, &labels(&exemplar["labels"])?)?;
            expect("exemplar's value", &Some(got.value), &exemplar["value"].as_f64())?;
            expect("exemplar's time", &json!(got.timestamp_ms), &exemplar["timestamp_ms"])?;
        }
        (got, _) => return Err(format!("exemplars should be {exemplar}, are {got:?}")),
    }
    let family = text(wanted, "family");
    let known = batch.metadata.iter().find(|metadata| metadata.metric == family);
    let metadata = known.ok_or_else(|| format!("family {family} has no metadata"))?;
    expect("type", &metadata.metric_type.as_str(), &text(wanted, "type"))?;
    expect("unit", &metadata.unit.as_str(), &text(wanted, "unit"))
}
