//! Native histograms of remote write in our shape, checked.

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span};

use super::proto::{BucketSpan, HistogramMessage};

/// Resolutions of exponential histograms.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

pub(super) fn float_histogram(sent: HistogramMessage) -> Result<FloatHistogram, String> {
    let is_float = sent.count_float.is_some();
    let counts = |floats: Vec<f64>, deltas: &[i64]| if is_float { floats } else { absolute(deltas) };
    let histogram = FloatHistogram {
        counter_reset_hint: reset_hint(sent.reset_hint),
        schema: sent.schema,
        zero_threshold: sent.zero_threshold,
        zero_count: sent
            .zero_count_float
            .or(sent.zero_count_int.map(|count| count as f64))
            .unwrap_or(0.0),
        count: sent
            .count_float
            .or(sent.count_int.map(|count| count as f64))
            .unwrap_or(0.0),
        sum: sent.sum,
        positive_buckets: counts(sent.positive_counts, &sent.positive_deltas),
        negative_buckets: counts(sent.negative_counts, &sent.negative_deltas),
        positive_spans: spans(&sent.positive_spans),
        negative_spans: spans(&sent.negative_spans),
        custom_values: sent.custom_values,
    };
    check(&histogram)?;
    Ok(histogram)
}

fn absolute(deltas: &[i64]) -> Vec<f64> {
    let running = deltas.iter().scan(0i64, |count, delta| {
        *count = count.saturating_add(*delta);
        Some(*count as f64)
    });
    running.collect()
}

fn spans(sent: &[BucketSpan]) -> Vec<Span> {
    let spans = sent.iter().map(|span| Span {
        offset: span.offset,
        length: span.length,
    });
    spans.collect()
}

const fn reset_hint(number: i32) -> CounterResetHint {
    match number {
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}

/// What Prometheus checks before it stores a histogram (`Histogram.Validate`).
fn check(histogram: &FloatHistogram) -> Result<(), String> {
    check_buckets("positive", &histogram.positive_spans, &histogram.positive_buckets)?;
    check_buckets("negative", &histogram.negative_spans, &histogram.negative_buckets)?;
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        return check_custom(histogram);
    }
    if !SCHEMAS.contains(&histogram.schema) {
        return Err(format!("histogram has an invalid schema {}", histogram.schema));
    }
    if !histogram.custom_values.is_empty() {
        return Err("histogram with exponential buckets has custom bounds".to_owned());
    }
    if histogram.zero_count < 0.0 {
        return Err(format!("zero bucket has observation count of {}", histogram.zero_count));
    }
    Ok(())
}

fn check_custom(histogram: &FloatHistogram) -> Result<(), String> {
    let bounds = &histogram.custom_values;
    let ascends = bounds
        .iter()
        .zip(bounds.iter().skip(1))
        .all(|(lower, upper)| lower < upper);
    if !ascends || bounds.iter().any(|bound| bound.is_nan()) {
        return Err("histogram custom bounds must be in strictly ascending order".to_owned());
    }
    if histogram.zero_count != 0.0 || !histogram.negative_spans.is_empty() {
        return Err("histogram with custom buckets has a zero bucket or negative buckets".to_owned());
    }
    let used: i64 = histogram
        .positive_spans
        .iter()
        .map(|span| i64::from(span.offset) + i64::from(span.length))
        .sum();
    if used > bounds.len() as i64 + 1 {
        return Err(format!("{} bounds are not enough for {used} buckets", bounds.len()));
    }
    Ok(())
}

fn check_buckets(side: &str, spans: &[Span], buckets: &[f64]) -> Result<(), String> {
    let expected: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if expected != buckets.len() as u64 {
        return Err(format!(
            "{side} side: spans need {expected} buckets, have {} buckets",
            buckets.len()
        ));
    }
    if let Some(span) = spans.iter().skip(1).find(|span| span.offset < 0) {
        return Err(format!("{side} side: span has a negative offset {}", span.offset));
    }
    match buckets.iter().find(|count| **count < 0.0) {
        Some(count) => Err(format!("{side} side: bucket has observation count of {count}")),
        None => Ok(()),
    }
}
