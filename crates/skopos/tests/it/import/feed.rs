//! What the original is fed with: old samples for blocks, and writes for its head.

use std::fmt::Write as _;

use prost::Message as _;
use skopos_wire::remote_write::{
    BucketSpan, ExemplarMessage, HistogramMessage, LabelMessage, SampleMessage, TimeSeries, WriteRequest,
};

/// The newest samples are before this.
pub(super) const END_SECONDS: i64 = 1_700_000_400;
/// The oldest samples of the head are here.
pub(super) const HEAD_SECONDS: i64 = END_SECONDS - 3600;
/// Native histograms that are written.
pub(super) const HISTOGRAMS: u64 = 2 * 240 + 2;
/// Exemplars that are written.
pub(super) const EXEMPLARS: u64 = 4;

const JOBS: i64 = 12;
const STEP_SECONDS: i64 = 15;

/// Five days of samples, which end a day before those of the head.
pub(super) fn openmetrics() -> String {
    let mut text = String::from("# TYPE backfilled_gauge gauge\n# HELP backfilled_gauge Old.\n");
    let start = END_SECONDS - 5 * 86_400;
    for job in 0..JOBS {
        for at in (start..END_SECONDS - 2 * 86_400).step_by(300) {
            let value = (at / 300 * (job + 3)) % 97;
            let _infallible = writeln!(text, "backfilled_gauge{{job=\"{job}\"}} {value}.5 {at}");
        }
    }
    text.push_str("# TYPE backfilled counter\n");
    for at in (start..END_SECONDS - 2 * 86_400).step_by(300) {
        let _infallible = writeln!(text, "backfilled_total{{job=\"c\"}} {} {at}", (at - start) / 7);
    }
    text.push_str("# EOF\n");
    text
}

fn labels(name: &str, job: i64) -> Vec<LabelMessage> {
    let pairs = [("__name__", name.to_owned()), ("job", job.to_string())];
    let pairs = pairs.map(|(name, value)| LabelMessage {
        name: name.to_owned(),
        value,
    });
    pairs.to_vec()
}

fn floats(name: &str, job: i64, value: impl Fn(i64) -> f64) -> TimeSeries {
    let times = (HEAD_SECONDS..END_SECONDS).step_by(STEP_SECONDS as usize);
    TimeSeries {
        labels: labels(name, job),
        samples: times
            .map(|at| SampleMessage {
                value: value(at),
                timestamp: at * 1000,
            })
            .collect(),
        ..TimeSeries::default()
    }
}

/// Integer histograms that gain buckets and are reset once.
fn integer_histograms() -> TimeSeries {
    let times = (HEAD_SECONDS..END_SECONDS).step_by(STEP_SECONDS as usize).enumerate();
    let histogram = |(number, at): (usize, i64)| {
        let step = (number % 150) as i64;
        let wide = number % 150 > 40;
        let buckets = if wide {
            vec![1 + step, 2, -1, 5]
        } else {
            vec![1 + step, 2]
        };
        let counts: Vec<i64> = buckets
            .iter()
            .scan(0, |sum, delta| {
                *sum += delta;
                Some(*sum)
            })
            .collect();
        HistogramMessage {
            count_int: Some(counts.iter().sum::<i64>() as u64 + 1),
            zero_count_int: Some(1),
            sum: 1.5 * step as f64,
            schema: 0,
            zero_threshold: 0.001,
            positive_spans: if wide {
                vec![
                    BucketSpan { offset: -1, length: 2 },
                    BucketSpan { offset: 3, length: 2 },
                ]
            } else {
                vec![BucketSpan { offset: -1, length: 2 }]
            },
            positive_deltas: buckets,
            timestamp: at * 1000,
            ..HistogramMessage::default()
        }
    };
    TimeSeries {
        labels: labels("latency", 1),
        histograms: times.map(histogram).collect(),
        ..TimeSeries::default()
    }
}

fn float_histograms() -> TimeSeries {
    let times = (HEAD_SECONDS..END_SECONDS).step_by(STEP_SECONDS as usize).enumerate();
    let histogram = |(number, at): (usize, i64)| {
        let step = number as f64;
        HistogramMessage {
            count_float: Some(3.0 * step + 0.75),
            zero_count_float: Some(0.25),
            sum: 0.1 * step,
            schema: 3,
            zero_threshold: 0.5,
            positive_spans: vec![BucketSpan { offset: 2, length: 2 }],
            positive_counts: vec![step + 0.25, step + 0.25],
            negative_spans: vec![BucketSpan { offset: 0, length: 1 }],
            negative_counts: vec![step],
            timestamp: at * 1000,
            ..HistogramMessage::default()
        }
    };
    TimeSeries {
        labels: labels("latency", 2),
        histograms: times.map(histogram).collect(),
        ..TimeSeries::default()
    }
}

/// A stale marker of a histogram.
fn end_of(mut series: TimeSeries) -> TimeSeries {
    if let Some(last) = series.histograms.last() {
        let marker = HistogramMessage {
            sum: f64::from_bits(0x7ff0_0000_0000_0002),
            count_int: last.count_int.map(|_| 0),
            count_float: last.count_float.map(|_| 0.0),
            zero_count_int: last.zero_count_int.map(|_| 0),
            zero_count_float: last.zero_count_float.map(|_| 0.0),
            timestamp: last.timestamp + 1000,
            ..HistogramMessage::default()
        };
        series.histograms.push(marker);
    }
    series
}

/// What is written.
pub(crate) fn series() -> Vec<TimeSeries> {
    let mut series: Vec<TimeSeries> = (0..JOBS)
        .map(|job| floats("written_gauge", job, move |at| ((at * (job + 1)) % 1013) as f64 / 8.0))
        .collect();
    let mut counter = floats("written_total", 0, |at| ((at - HEAD_SECONDS) % 1700) as f64);
    counter.exemplars = (0..EXEMPLARS as i64)
        .map(|number| ExemplarMessage {
            labels: vec![LabelMessage {
                name: "trace_id".to_owned(),
                value: format!("t{number}"),
            }],
            value: 0.5,
            timestamp: (HEAD_SECONDS + 60 + number) * 1000,
        })
        .collect();
    series.push(counter);
    series.push(end_of(integer_histograms()));
    series.push(end_of(float_histograms()));
    series
}

/// Bodies of remote writes.
pub(crate) fn writes() -> Vec<Vec<u8>> {
    let bodies = series().into_iter().map(|series| {
        let request = WriteRequest {
            timeseries: vec![series],
            ..WriteRequest::default()
        };
        let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
        packed.expect("a short body")
    });
    bodies.collect()
}
