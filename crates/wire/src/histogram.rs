//! Native histograms as outside formats carry them: checks before they are stored, and lower
//! resolutions.

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

/// Resolutions of exponential histograms.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;
/// Finer resolutions, which are lowered to the finest that is stored.
const REDUCIBLE: std::ops::RangeInclusive<i32> = 9..=52;

/// Lowers a resolution that is finer than what is stored, and checks what Prometheus checks
/// (`Histogram.Validate`).
pub fn checked(mut histogram: FloatHistogram) -> Result<FloatHistogram, String> {
    check_buckets("positive", &histogram.positive_spans, &histogram.positive_buckets)?;
    check_buckets("negative", &histogram.negative_spans, &histogram.negative_buckets)?;
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        check_custom(&histogram)?;
        return Ok(histogram);
    }
    if REDUCIBLE.contains(&histogram.schema) {
        reduce_resolution(&mut histogram, *SCHEMAS.end());
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
    Ok(histogram)
}

fn check_custom(histogram: &FloatHistogram) -> Result<(), String> {
    let bounds = &histogram.custom_values;
    let ascends = bounds.is_sorted_by(|lower, upper| lower < upper);
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
    let end: i64 = spans
        .iter()
        .map(|span| i64::from(span.offset) + i64::from(span.length))
        .sum();
    if i32::try_from(end).is_err() {
        return Err(format!("{side} side: spans end at the index {end}, beyond 32 bits"));
    }
    match buckets.iter().find(|count| **count < 0.0) {
        Some(count) => Err(format!("{side} side: bucket has observation count of {count}")),
        None => Ok(()),
    }
}

/// Brings an exponential histogram to a lower resolution: each step joins two neighbours. The spans
/// must fit the buckets and 32 bits, as [`checked`] makes sure.
pub fn reduce_resolution(histogram: &mut FloatHistogram, schema: i32) {
    if histogram.schema <= schema || histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        return;
    }
    let shift = (histogram.schema - schema).min(31) as u32;
    for (spans, buckets) in [
        (&mut histogram.positive_spans, &mut histogram.positive_buckets),
        (&mut histogram.negative_spans, &mut histogram.negative_buckets),
    ] {
        (*spans, *buckets) = reduced(spans, buckets, shift);
    }
    histogram.schema = schema;
}

fn reduced(spans: &[Span], buckets: &[f64], shift: u32) -> (Vec<Span>, Vec<f64>) {
    let mut out: (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::with_capacity(buckets.len()));
    let mut counts = buckets.iter();
    let mut start = 0i32;
    let mut last: Option<i32> = None;
    for span in spans {
        start = start.saturating_add(span.offset);
        let end = start.saturating_add_unsigned(span.length);
        for (index, count) in (start..end).zip(&mut counts) {
            // Bucket `i` ends at its index, hence the one less before and the one more after.
            let index = (index.saturating_sub(1) >> shift) + 1;
            push_bucket(&mut out, last, index, *count);
            last = Some(index);
        }
        start = end;
    }
    out
}

fn push_bucket(out: &mut (Vec<Span>, Vec<f64>), last: Option<i32>, index: i32, count: f64) {
    let (spans, counts) = out;
    match (last, spans.last_mut(), counts.last_mut()) {
        (Some(last), _, Some(sum)) if last == index => {
            *sum += count;
            return;
        }
        (Some(last), Some(span), _) if last.saturating_add(1) == index => span.length += 1,
        (last, ..) => spans.push(Span {
            offset: last.map_or(index, |last| index.saturating_sub(last).saturating_sub(1)),
            length: 1,
        }),
    }
    counts.push(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_resolution_keeps_every_observation() {
        let mut histogram = FloatHistogram {
            schema: 10,
            positive_spans: vec![Span { offset: -1, length: 3 }, Span { offset: 9, length: 2 }],
            positive_buckets: vec![1.0, 2.0, 3.0, 4.0, 5.0],
            ..FloatHistogram::default()
        };
        let checked = checked(histogram.clone()).expect("valid");
        assert_eq!(checked.schema, 8);
        // Indices -1, 0, 1, 11 and 12 of schema 10 are 0, 0, 1, 3 and 3 of schema 8.
        assert_eq!(checked.positive_buckets, [3.0, 3.0, 9.0]);
        assert_eq!(
            checked.positive_spans,
            [Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }]
        );
        reduce_resolution(&mut histogram, 11);
        assert_eq!(histogram.schema, 10, "resolutions are not raised");
    }

    #[test]
    fn spans_beyond_32_bits_are_refused() {
        let histogram = FloatHistogram {
            positive_spans: vec![Span {
                offset: i32::MAX,
                length: 1,
            }],
            positive_buckets: vec![1.0],
            ..FloatHistogram::default()
        };
        assert!(checked(histogram).is_err());
    }
}
