//! The fields of a histogram in series notation: `schema:1 sum:5 count:4 buckets:[1 2 1]`.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};

/// Reads what stands between `{{` and `}}`.
pub(super) fn parse(text: &str) -> Result<FloatHistogram, String> {
    let mut histogram = FloatHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (field, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("expected a field at {rest:?}"))?;
        let (value, after) = split_value(after)?;
        match field {
            "schema" => histogram.schema = integer(value)?,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "offset" => offset = integer(value)?,
            "n_offset" => negative_offset = integer(value)?,
            "buckets" => histogram.positive_buckets = numbers(value)?,
            "n_buckets" => histogram.negative_buckets = numbers(value)?,
            "custom_values" => histogram.custom_values = numbers(value)?,
            "counter_reset_hint" => histogram.counter_reset_hint = hint(value)?,
            _ => return Err(format!("unknown field {field:?} of a histogram")),
        }
        rest = after.trim_start();
    }
    histogram.positive_spans = span(offset, &histogram.positive_buckets);
    histogram.negative_spans = span(negative_offset, &histogram.negative_buckets);
    Ok(histogram)
}

fn split_value(text: &str) -> Result<(&str, &str), String> {
    if let Some(list) = text.strip_prefix('[') {
        return list
            .split_once(']')
            .ok_or_else(|| format!("unterminated list at {text:?}"));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    Ok(text.split_at(end))
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    text.split_whitespace().map(number).collect()
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text:?} is no integer"))
}

fn hint(text: &str) -> Result<CounterResetHint, String> {
    Ok(match text {
        "unknown" => CounterResetHint::Unknown,
        "reset" => CounterResetHint::Reset,
        "not_reset" => CounterResetHint::NotReset,
        "gauge" => CounterResetHint::Gauge,
        _ => return Err(format!("unknown counter_reset_hint {text:?}")),
    })
}

fn span(offset: i32, buckets: &[f64]) -> Vec<Span> {
    if buckets.is_empty() {
        return Vec::new();
    }
    let length = u32::try_from(buckets.len()).unwrap_or(u32::MAX);
    vec![Span { offset, length }]
}
