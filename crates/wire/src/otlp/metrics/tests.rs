//! Deltas, staleness, exemplars, refusals, and random requests; the published cases run in
//! `skopos-conformance`.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogram, ExponentialHistogramDataPoint};
use proptest::prelude::*;
use serde_json::{Value, json};
use skopos_core::sample::is_stale;

use super::*;

const START_NS: u64 = 1_700_000_000_000_000_000;

fn at(seconds: u64) -> String {
    (START_NS + seconds * 1_000_000_000).to_string()
}

fn request(metric: &Value) -> ExportMetricsServiceRequest {
    let body = json!({ "resourceMetrics": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "svc" } }] },
        "scopeMetrics": [{ "metrics": [metric] }],
    }]});
    decode_metrics(Codec::Json, body.to_string().as_bytes()).expect("a good request")
}

fn translated(deltas: &mut DeltaStreams, metric: &Value) -> TranslatedMetrics {
    metric_batch(&request(metric), &MetricOptions::default(), deltas, 1_700_000_000_000)
}

fn delta_sum(from: u64, to: u64, value: i64) -> Value {
    let point = json!({ "startTimeUnixNano": at(from), "timeUnixNano": at(to), "asInt": value.to_string() });
    json!({ "name": "jobs", "sum": { "aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [point] } })
}

/// Series and values, floats only.
fn floats(batch: &MetricBatch) -> Vec<(String, i64, f64)> {
    let mut out = Vec::new();
    for series in &batch.series {
        for sample in &series.samples {
            if let MetricValue::Float(value) = sample.value {
                out.push((
                    series.labels.to_string(),
                    sample.timestamp_ms - 1_700_000_000_000,
                    value,
                ));
            }
        }
    }
    out
}

const JOBS: &str = r#"{__name__="jobs_total", job="svc"}"#;

#[test]
fn every_digit_of_a_double_counts() {
    // A reader that rounds twice takes each of these for a neighbour.
    for text in ["90.42225290942383", "42.215889504792884", "99.53445921031731"] {
        let point = format!(r#"{{"timeUnixNano":"{START_NS}","asDouble":{text}}}"#);
        let body = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"g","gauge":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
        );
        let request = decode_metrics(Codec::Json, body.as_bytes()).expect("a good request");
        let found = metric_batch(&request, &MetricOptions::default(), &mut DeltaStreams::default(), 0);
        let values: Vec<f64> = floats(&found.batch).into_iter().map(|(_, _, value)| value).collect();
        assert_eq!(values, [text.parse::<f64>().expect("a double")]);
    }
}

#[test]
fn deltas_are_added_up_and_begin_at_zero() {
    let mut deltas = DeltaStreams::default();
    let first = translated(&mut deltas, &delta_sum(0, 10, 5));
    assert_eq!(floats(&first.batch), [(JOBS.to_owned(), 10_000, 5.0)]);
    assert_eq!(floats(&first.zeros), [(JOBS.to_owned(), 1, 0.0)]);
    let second = translated(&mut deltas, &delta_sum(10, 20, 2));
    assert_eq!(floats(&second.batch), [(JOBS.to_owned(), 20_000, 7.0)]);
    assert_eq!(second.zeros, MetricBatch::default());
    let after_a_gap = translated(&mut deltas, &delta_sum(60, 70, 1));
    assert_eq!(floats(&after_a_gap.batch), [(JOBS.to_owned(), 70_000, 8.0)]);
}

#[test]
fn a_delta_that_came_before_is_not_counted_again() {
    let mut deltas = DeltaStreams::default();
    for (from, to) in [(0, 10), (10, 20)] {
        translated(&mut deltas, &delta_sum(from, to, 5));
    }
    for (from, to) in [(10, 20), (0, 10)] {
        let again = translated(&mut deltas, &delta_sum(from, to, 5));
        assert_eq!(again.points, 0);
        assert_eq!(again.refused.refused[0].reason, "delta_out_of_order");
    }
    assert_eq!(
        floats(&translated(&mut deltas, &delta_sum(20, 30, 1)).batch)[0].2,
        11.0,
        "what was refused is not in the total"
    );
}

#[test]
fn what_was_not_stored_is_taken_back() {
    let mut deltas = DeltaStreams::default();
    translated(&mut deltas, &delta_sum(0, 10, 5));
    deltas.begin();
    translated(&mut deltas, &delta_sum(10, 20, 5));
    deltas.roll_back();
    let again = translated(&mut deltas, &delta_sum(10, 20, 5));
    assert_eq!(floats(&again.batch)[0].2, 10.0);
    deltas.begin();
    let other = delta_sum(0, 10, 1).to_string().replace("jobs", "other");
    translated(&mut deltas, &serde_json::from_str(&other).expect("JSON"));
    assert_eq!(deltas.len(), 2);
    deltas.roll_back();
    assert_eq!(deltas.len(), 1);
}

#[test]
fn streams_are_bounded_and_idle_ones_make_room() {
    let mut deltas = DeltaStreams::new(1);
    let named = |name: &str, to: u64| {
        let text = delta_sum(0, to, 1).to_string().replace("jobs", name);
        request(&serde_json::from_str(&text).expect("JSON"))
    };
    let options = MetricOptions::default();
    let mut send = |name: &str, now_ms: i64| metric_batch(&named(name, 10), &options, &mut deltas, now_ms).refused;
    assert_eq!(send("a", 0), AppendReport::default());
    assert_eq!(send("b", 100_000).refused[0].reason, "delta_streams_limit");
    assert_eq!(send("b", 3_700_000), AppendReport::default());
}

#[test]
fn explicit_deltas_are_added_and_a_new_shape_begins_anew() {
    let metric = |from: u64, to: u64, bounds: &[f64], counts: &[&str]| {
        let point = json!({
            "startTimeUnixNano": at(from), "timeUnixNano": at(to), "count": "3", "sum": 2.5,
            "explicitBounds": bounds, "bucketCounts": counts,
        });
        json!({ "name": "d", "unit": "s", "histogram": { "aggregationTemporality": 1, "dataPoints": [point] } })
    };
    let mut deltas = DeltaStreams::default();
    translated(&mut deltas, &metric(0, 10, &[1.0], &["1", "2"]));
    let second = translated(&mut deltas, &metric(10, 20, &[1.0], &["1", "2"]));
    let values: Vec<f64> = floats(&second.batch).iter().map(|sample| sample.2).collect();
    assert_eq!(values, [5.0, 6.0, 2.0, 6.0], "sum, count, le=1, le=+Inf");
    let anew = translated(&mut deltas, &metric(20, 30, &[2.0], &["1", "2"]));
    let values: Vec<f64> = floats(&anew.batch).iter().map(|sample| sample.2).collect();
    assert_eq!(values, [2.5, 3.0, 1.0, 3.0]);
    assert_eq!(anew.zeros.series.len(), 4);
}

fn exponential(offset: i32, scale: i32, counts: &[u64], to: u64) -> ExportMetricsServiceRequest {
    let mut sent = request(&json!({ "name": "e" }));
    sent.resource_metrics[0].scope_metrics[0].metrics[0].data =
        Some(Data::ExponentialHistogram(ExponentialHistogram {
            aggregation_temporality: 1,
            data_points: vec![ExponentialHistogramDataPoint {
                time_unix_nano: START_NS + to,
                scale,
                count: counts.iter().sum(),
                positive: Some(Buckets {
                    offset,
                    bucket_counts: counts.to_vec(),
                }),
                ..ExponentialHistogramDataPoint::default()
            }],
        }));
    sent
}

fn histogram_of(translated: &TranslatedMetrics) -> &skopos_core::histogram::FloatHistogram {
    match &translated.batch.series[0].samples[0].value {
        MetricValue::Histogram(histogram) => histogram,
        MetricValue::Float(value) => panic!("a histogram was sent, came {value}"),
    }
}

#[test]
fn exponential_deltas_of_different_scales_are_added_at_the_coarser() {
    let mut deltas = DeltaStreams::default();
    let options = MetricOptions::default();
    metric_batch(&exponential(0, 1, &[1, 2, 3, 4], 1), &options, &mut deltas, 0);
    let second = metric_batch(&exponential(1, 0, &[10], 2), &options, &mut deltas, 0);
    let histogram = histogram_of(&second);
    assert_eq!((histogram.schema, histogram.count), (0, 20.0));
    assert_eq!(histogram.positive_buckets, [3.0, 17.0]);
    assert_eq!(histogram.positive_spans[0].offset, 1);
}

#[test]
fn buckets_far_apart_are_refused_and_not_allocated() {
    let mut deltas = DeltaStreams::default();
    let options = MetricOptions::default();
    metric_batch(&exponential(i32::MIN, -4, &[1], 1), &options, &mut deltas, 0);
    let far = metric_batch(&exponential(i32::MAX - 1, -4, &[1], 2), &options, &mut deltas, 0);
    assert_eq!(far.refused.refused[0].reason, "invalid_histogram");
    let beyond = metric_batch(&exponential(i32::MAX, 0, &[1], 3), &options, &mut deltas, 0);
    assert_eq!(beyond.refused.refused[0].reason, "invalid_histogram");
}

#[test]
fn a_point_without_a_recorded_value_ends_its_series() {
    let point = json!({ "timeUnixNano": at(0), "flags": 1 });
    for metric in [
        json!({ "name": "g", "gauge": { "dataPoints": [point] } }),
        json!({ "name": "h", "histogram": { "aggregationTemporality": 2, "dataPoints": [point] } }),
        json!({ "name": "s", "summary": { "dataPoints": [point] } }),
        json!({ "name": "e", "exponentialHistogram": { "aggregationTemporality": 2, "dataPoints": [point] } }),
    ] {
        let out = translated(&mut DeltaStreams::default(), &metric);
        assert!(!out.batch.series.is_empty(), "{metric}");
        for sample in out.batch.series.iter().flat_map(|series| &series.samples) {
            let value = match &sample.value {
                MetricValue::Float(value) => *value,
                MetricValue::Histogram(histogram) => histogram.sum,
            };
            assert!(is_stale(value), "{metric}");
        }
    }
}

#[test]
fn what_cannot_be_mapped_is_refused_by_reason() {
    let point = json!({ "timeUnixNano": at(0), "asInt": "1" });
    let nameless = json!({ "timeUnixNano": at(0), "asInt": "1", "attributes": [{ "key": "" }] });
    for (metric, reason) in [
        (
            json!({ "name": "@", "gauge": { "dataPoints": [point] } }),
            "invalid_name",
        ),
        (
            json!({ "name": "a", "gauge": { "dataPoints": [nameless] } }),
            "invalid_name",
        ),
        (
            json!({ "name": "a", "sum": { "dataPoints": [point] } }),
            "invalid_temporality",
        ),
        (
            json!({ "name": "a", "gauge": { "dataPoints": [{ "timeUnixNano": at(0) }] } }),
            "no_value",
        ),
    ] {
        let out = translated(&mut DeltaStreams::default(), &metric);
        assert_eq!(out.points, 0, "{metric}");
        assert_eq!(
            (out.refused.refused[0].reason, out.refused.refused_count()),
            (reason, 1)
        );
    }
    let empty = translated(&mut DeltaStreams::default(), &json!({ "name": "a", "gauge": {} }));
    assert_eq!((empty.warnings.len(), empty.refused.refused_count()), (1, 0));
}

#[test]
fn exemplars_go_to_the_bucket_of_their_value() {
    let exemplar = |value: f64, attribute: &str| {
        json!({
            "timeUnixNano": at(1), "asDouble": value, "traceId": "5b8efff798038103d269b633813fc60c",
            "filteredAttributes": [{ "key": "user", "value": { "stringValue": attribute } }],
        })
    };
    let point = json!({
        "timeUnixNano": at(2), "count": "3", "explicitBounds": [1.0, 2.0], "bucketCounts": ["1", "1", "1"],
        "exemplars": [exemplar(5.0, "a"), exemplar(0.5, &"x".repeat(120)), exemplar(2.0, "b")],
    });
    let metric = json!({ "name": "h", "histogram": { "aggregationTemporality": 2, "dataPoints": [point] } });
    let out = translated(&mut DeltaStreams::default(), &metric);
    let told: Vec<(String, Vec<String>)> = out
        .batch
        .series
        .iter()
        .filter(|series| series.labels.metric_name() == "h_bucket")
        .map(|series| {
            let users = series
                .exemplars
                .iter()
                .map(|exemplar| exemplar.labels.get("user").to_owned());
            (series.labels.get("le").to_owned(), users.collect())
        })
        .collect();
    let wanted = [("1", ""), ("2", "b"), ("+Inf", "a")];
    assert_eq!(told, wanted.map(|(le, user)| (le.to_owned(), vec![user.to_owned()])));
}

#[test]
fn target_info_is_repeated_over_the_time_of_a_request() {
    let points = json!([{ "timeUnixNano": at(0), "asInt": "1" }, { "timeUnixNano": at(400), "asInt": "1" }]);
    let mut sent = request(&json!({ "name": "g", "gauge": { "dataPoints": points } }));
    let attributes = &mut sent.resource_metrics[0]
        .resource
        .as_mut()
        .expect("a resource")
        .attributes;
    let mut host = attributes[0].clone();
    host.key = "host.name".to_owned();
    attributes.push(host);
    let out = metric_batch(&sent, &MetricOptions::default(), &mut DeltaStreams::default(), 0);
    let info = out.batch.series.last().expect("target_info");
    assert_eq!(
        info.labels,
        Labels::from_pairs([("__name__", "target_info"), ("job", "svc"), ("host_name", "svc")])
    );
    let times: Vec<i64> = info
        .samples
        .iter()
        .map(|sample| sample.timestamp_ms - 1_700_000_000_000)
        .collect();
    assert_eq!(times, [0, 150_000, 300_000, 400_000]);
}

fn read_all(body: &[u8], codec: Codec) -> usize {
    let Ok(sent) = decode_metrics(codec, body) else {
        return 0;
    };
    let options = MetricOptions {
        convert_histograms_to_nhcb: body.len().is_multiple_of(2),
        resource_promotion: ResourcePromotion::AllBut(Vec::new()),
        promote_scope_metadata: true,
        type_and_unit_labels: true,
        ..MetricOptions::default()
    };
    let mut deltas = DeltaStreams::new(10);
    let first = metric_batch(&sent, &options, &mut deltas, 1);
    first.batch.series.len() + metric_batch(&sent, &options, &mut deltas, 2).batch.series.len()
}

/// A recorded request of an SDK in protobuf.
fn recorded() -> Vec<u8> {
    use base64::Engine as _;
    let text = crate::tests::shared("conformance/otlp/wire_protobuf.yaml");
    let suite: Value = serde_saphyr::from_str(&text).expect("the suite is YAML");
    let requests = suite["requests"].as_array().expect("a list");
    let metrics = requests
        .iter()
        .find(|sent| sent["path"] == "/v1/metrics")
        .expect("a metric request");
    let body = metrics["body_base64"].as_str().expect("text");
    base64::engine::general_purpose::STANDARD.decode(body).expect("base64")
}

#[test]
fn a_recorded_request_and_its_json_say_the_same() {
    let body = recorded();
    let sent = decode_metrics(Codec::Protobuf, &body).expect("a good request");
    let text = crate::tests::shared("conformance/genai/otel_default/metrics.json");
    assert_eq!(decode_metrics(Codec::Json, text.as_bytes()), Ok(sent));
    assert!(read_all(&body, Codec::Protobuf) > 0);
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&body, Codec::Protobuf);
        read_all(&body, Codec::Json);
    }

    #[test]
    fn no_mutation_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut body = recorded();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        read_all(&body, Codec::Protobuf);
    }

    #[test]
    fn native_histograms_keep_every_observation(
        offset in -2000i32..2000,
        scale in -4i32..30,
        counts in proptest::collection::vec(prop_oneof![3 => Just(0u64), 1 => 1u64..5], 0..200),
    ) {
        let out = metric_batch(
            &exponential(offset, scale, &counts, 1), &MetricOptions::default(), &mut DeltaStreams::default(), 0);
        let histogram = histogram_of(&out);
        prop_assert_eq!(histogram.positive_buckets.iter().sum::<f64>(), histogram.count);
        let length: u32 = histogram.positive_spans.iter().map(|span| span.length).sum();
        prop_assert_eq!(length as usize, histogram.positive_buckets.len());
        prop_assert!(histogram.positive_spans.iter().skip(1).all(|span| span.offset > 2));
    }

    #[test]
    fn sums_of_deltas_are_their_total(values in proptest::collection::vec(0i64..1000, 1..20)) {
        let mut deltas = DeltaStreams::default();
        let mut last = 0.0;
        for (at, value) in (0u64..).zip(&values) {
            last = floats(&translated(&mut deltas, &delta_sum(at, at + 1, *value)).batch)[0].2;
        }
        prop_assert_eq!(last, values.iter().sum::<i64>() as f64);
    }
}
