//! Results of PromQL as JSON, written straight into the answer's bytes.

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{MetricValue, Series};
use skopos_promql::{QueryOutput, Value, VectorSample};

use super::buckets;
use super::envelope::TRUNCATED;
use crate::json::{quoted, write_list, write_pairs, write_text};
use crate::number::{write_decimal, write_seconds, write_value};

/// What goes beside a result.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras {
    /// Most series of a vector or matrix; 0 is no limit.
    pub(super) limit: usize,
    /// `stats` as JSON, where asked for.
    pub(super) stats: Option<String>,
}

/// The whole body of a successful query.
pub(super) fn query_body(mut output: QueryOutput, extras: &Extras) -> Vec<u8> {
    if cut(&mut output.value, extras.limit) {
        output.warnings.push(TRUNCATED.to_owned());
    }
    let mut out = Vec::with_capacity(size_hint(&output.value));
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":{\"resultType\":\"");
    out.extend_from_slice(output.value.value_type().as_str().as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    write_result(&mut out, &output.value);
    if let Some(stats) = &extras.stats {
        out.extend_from_slice(b",\"stats\":");
        out.extend_from_slice(stats.as_bytes());
    }
    out.push(b'}');
    write_annotations(&mut out, "warnings", &output.warnings);
    write_annotations(&mut out, "infos", &output.infos);
    out.push(b'}');
    out
}

fn cut(value: &mut Value, limit: usize) -> bool {
    if limit == 0 {
        return false;
    }
    match value {
        Value::Vector(samples) if samples.len() > limit => samples.truncate(limit),
        Value::Matrix(series) if series.len() > limit => series.truncate(limit),
        _ => return false,
    }
    true
}

fn size_hint(value: &Value) -> usize {
    const PER_SERIES: usize = 160;
    const PER_SAMPLE: usize = 28;
    match value {
        Value::Scalar { .. } | Value::String { .. } => PER_SERIES,
        Value::Vector(samples) => samples.len() * (PER_SERIES + PER_SAMPLE) + PER_SERIES,
        Value::Matrix(series) => {
            let samples: usize = series.iter().map(Series::len).sum();
            series.len() * PER_SERIES + samples * PER_SAMPLE + PER_SERIES
        }
    }
}

fn write_result(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Scalar { timestamp_ms, value } => write_pair(out, *timestamp_ms, |out| {
            quoted(out, |out| write_decimal(out, *value));
        }),
        Value::String { timestamp_ms, value } => write_pair(out, *timestamp_ms, |out| write_text(out, value)),
        Value::Vector(samples) => write_list(out, samples, write_vector_sample),
        Value::Matrix(series) => write_list(out, series, write_series),
    }
}

fn write_vector_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(b"{\"metric\":");
    write_pairs(out, &sample.labels);
    match &sample.value {
        MetricValue::Float(value) => {
            out.extend_from_slice(b",\"value\":");
            write_float_pair(out, sample.timestamp_ms, *value);
        }
        MetricValue::Histogram(histogram) => {
            out.extend_from_slice(b",\"histogram\":");
            write_pair(out, sample.timestamp_ms, |out| write_histogram(out, histogram));
        }
    }
    out.push(b'}');
}

fn write_series(out: &mut Vec<u8>, series: &Series) {
    out.extend_from_slice(b"{\"metric\":");
    write_pairs(out, &series.labels);
    if !series.values.is_empty() {
        out.extend_from_slice(b",\"values\":");
        let samples = series.timestamps_ms.iter().zip(&series.values);
        write_list(out, samples, |out, (time, value)| write_float_pair(out, *time, *value));
    }
    if !series.histograms.is_empty() {
        out.extend_from_slice(b",\"histograms\":");
        let samples = series.histogram_timestamps_ms.iter().zip(&series.histograms);
        write_list(out, samples, |out, (time, histogram)| {
            write_pair(out, *time, |out| write_histogram(out, histogram));
        });
    }
    out.push(b'}');
}

fn write_float_pair(out: &mut Vec<u8>, timestamp_ms: i64, value: f64) {
    write_pair(out, timestamp_ms, |out| quoted(out, |out| write_value(out, value)));
}

fn write_pair(out: &mut Vec<u8>, timestamp_ms: i64, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'[');
    write_seconds(out, timestamp_ms);
    out.push(b',');
    write(out);
    out.push(b']');
}

fn write_histogram(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    out.extend_from_slice(b"{\"count\":");
    quoted(out, |out| write_value(out, histogram.count));
    out.extend_from_slice(b",\"sum\":");
    quoted(out, |out| write_value(out, histogram.sum));
    let buckets = buckets::all(histogram);
    if !buckets.is_empty() {
        out.extend_from_slice(b",\"buckets\":");
        write_list(out, &buckets, |out, bucket| {
            out.push(b'[');
            out.push(b'0' + bucket.rule());
            for value in [bucket.lower, bucket.upper, bucket.count] {
                out.push(b',');
                quoted(out, |out| write_value(out, value));
            }
            out.push(b']');
        });
    }
    out.push(b'}');
}

fn write_annotations(out: &mut Vec<u8>, name: &str, annotations: &[String]) {
    if annotations.is_empty() {
        return;
    }
    out.push(b',');
    write_text(out, name);
    out.push(b':');
    write_list(out, annotations, |out, text| write_text(out, text));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skopos_core::Labels;
    use skopos_core::histogram::Span;

    use super::*;

    fn body(value: Value) -> String {
        let output = QueryOutput {
            value,
            warnings: Vec::new(),
            infos: vec!["a \"note\"".to_owned()],
            stats: skopos_promql::QueryStats::default(),
        };
        let extras = Extras { limit: 1, stats: None };
        String::from_utf8(query_body(output, &extras)).expect("JSON is UTF-8")
    }

    #[test]
    fn a_histogram_shows_its_buckets() {
        let histogram = FloatHistogram {
            count: 6.0,
            sum: 2.5,
            zero_count: 1.0,
            zero_threshold: 0.5,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![2.0, 0.0],
            negative_spans: vec![Span { offset: 1, length: 1 }],
            negative_buckets: vec![3.0],
            ..FloatHistogram::default()
        };
        let sample = VectorSample {
            labels: Labels::from_pairs([("a", "b")]),
            timestamp_ms: 1500,
            value: MetricValue::Histogram(Arc::new(histogram)),
        };
        let expected = concat!(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"histogram":"#,
            r#"[1.5,{"count":"6","sum":"2.5","buckets":[[1,"-2","-1","3"],[3,"-0.5","0.5","1"],[0,"0.5","1","2"]]}]}]},"#,
            r#""warnings":["results truncated due to limit"],"infos":["a \"note\""]}"#,
        );
        assert_eq!(body(Value::Vector(vec![sample.clone(), sample])), expected);
    }

    #[test]
    fn scalars_never_have_an_exponent() {
        let text = body(Value::Scalar {
            timestamp_ms: 0,
            value: 1e21,
        });
        assert!(text.contains(r#""result":[0,"1000000000000000000000"]"#), "{text}");
    }
}
