//! The fields of a histogram in series notation: `schema:1 sum:5 count:4 buckets:[1 2 1]`.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};

use crate::number::format_value;

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

/// Writes a histogram as [`parse`] reads it, empty buckets at either end left out: equal histograms
/// have equal texts.
pub fn format_histogram(histogram: &FloatHistogram) -> String {
    let mut fields = Vec::new();
    if histogram.schema != 0 {
        fields.push(format!("schema:{}", histogram.schema));
    }
    for (name, value) in [
        ("count", histogram.count),
        ("sum", histogram.sum),
        ("z_bucket", histogram.zero_count),
        ("z_bucket_w", histogram.zero_threshold),
    ] {
        if value != 0.0 {
            fields.push(format!("{name}:{}", format_value(value)));
        }
    }
    if !histogram.custom_values.is_empty() {
        fields.push(format!("custom_values:{}", list(&histogram.custom_values)));
    }
    let hint = match histogram.counter_reset_hint {
        CounterResetHint::Unknown => None,
        CounterResetHint::Reset => Some("reset"),
        CounterResetHint::NotReset => Some("not_reset"),
        CounterResetHint::Gauge => Some("gauge"),
    };
    fields.extend(hint.map(|hint| format!("counter_reset_hint:{hint}")));
    fields.extend(side("", &histogram.positive_spans, &histogram.positive_buckets));
    fields.extend(side("n_", &histogram.negative_spans, &histogram.negative_buckets));
    format!("{{{{{}}}}}", fields.join(" "))
}

/// Widest run of buckets that is written; a wider one is no text to read.
const MAX_TEXT: i64 = 10_000;

fn list(values: &[f64]) -> String {
    let texts: Vec<String> = values.iter().map(|value| format_value(*value)).collect();
    format!("[{}]", texts.join(" "))
}

/// Offset and counts of one side; gaps between spans are empty buckets.
fn side(prefix: &str, spans: &[Span], counts: &[f64]) -> Vec<String> {
    let mut full: Vec<(i64, f64)> = Vec::new();
    let mut counts = counts.iter();
    let mut next = 0;
    for span in spans {
        next += i64::from(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            full.push((next, *count));
            next += 1;
        }
    }
    full.retain(|(_, count)| *count != 0.0);
    let (Some((first, _)), Some((last, _))) = (full.first().copied(), full.last().copied()) else {
        return Vec::new();
    };
    let mut dense = vec![0.0; (last - first + 1).min(MAX_TEXT) as usize];
    for (index, count) in full {
        if let Some(slot) = dense.get_mut((index - first) as usize) {
            *slot = count;
        }
    }
    let offset = (first != 0).then(|| format!("{prefix}offset:{first}"));
    let buckets = format!("{prefix}buckets:{}", list(&dense));
    offset.into_iter().chain([buckets]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "schema:1 count:32.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 offset:-3 buckets:[5.1 10 7] n_offset:-5 n_buckets:[4.1 5]",
            "count:2 sum:3 counter_reset_hint:not_reset buckets:[2]",
            "schema:-53 count:3 sum:9 custom_values:[5 10] buckets:[1 0 2]",
        ] {
            let histogram = parse(text).expect("it is a histogram");
            assert_eq!(format_histogram(&histogram), format!("{{{{{text}}}}}"));
        }
    }
}
