//! Native histograms as bytes, for log records and parts.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};
use skopos_storage::codec::{Reader, Writer};

/// Appends a histogram.
pub(crate) fn write_histogram(out: &mut Writer, histogram: &FloatHistogram) {
    out.u64(hint_code(histogram.counter_reset_hint));
    out.i64(i64::from(histogram.schema));
    for value in [
        histogram.zero_threshold,
        histogram.zero_count,
        histogram.count,
        histogram.sum,
    ] {
        out.f64(value);
    }
    write_spans(out, &histogram.positive_spans);
    write_spans(out, &histogram.negative_spans);
    write_floats(out, &histogram.positive_buckets);
    write_floats(out, &histogram.negative_buckets);
    write_floats(out, &histogram.custom_values);
}

fn write_spans(out: &mut Writer, spans: &[Span]) {
    out.u64(spans.len() as u64);
    for span in spans {
        out.i64(i64::from(span.offset));
        out.u64(u64::from(span.length));
    }
}

fn write_floats(out: &mut Writer, values: &[f64]) {
    out.u64(values.len() as u64);
    for value in values {
        out.f64(*value);
    }
}

/// Reads what [`write_histogram`] wrote.
pub(crate) fn read_histogram(input: &mut Reader<'_>) -> Option<FloatHistogram> {
    Some(FloatHistogram {
        counter_reset_hint: hint(input.u64()?)?,
        schema: i32::try_from(input.i64()?).ok()?,
        zero_threshold: input.f64()?,
        zero_count: input.f64()?,
        count: input.f64()?,
        sum: input.f64()?,
        positive_spans: read_spans(input)?,
        negative_spans: read_spans(input)?,
        positive_buckets: read_floats(input)?,
        negative_buckets: read_floats(input)?,
        custom_values: read_floats(input)?,
    })
}

fn read_spans(input: &mut Reader<'_>) -> Option<Vec<Span>> {
    let length = input.length()?;
    (0..length)
        .map(|_| {
            Some(Span {
                offset: i32::try_from(input.i64()?).ok()?,
                length: u32::try_from(input.u64()?).ok()?,
            })
        })
        .collect()
}

fn read_floats(input: &mut Reader<'_>) -> Option<Vec<f64>> {
    let length = input.length()?;
    (0..length).map(|_| input.f64()).collect()
}

fn hint_code(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn hint(code: u64) -> Option<CounterResetHint> {
    Some(match code {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => return None,
    })
}
