//! Arithmetic on native histograms (`model/histogram/float_histogram.go` in Prometheus).
//!
//! Buckets are handled as sorted pairs of index and count; spans are only the form at rest.

mod arithmetic;
mod bucket;
mod fraction;
mod reset;
mod text;
mod total;
mod trim;

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span};

pub use arithmetic::{IncompatibleSchemas, add_histograms, subtract_histograms};
pub(crate) use arithmetic::{Operation, combine, divided, scaled, to_schema};
pub(crate) use bucket::{Bucket, all_buckets};
pub(crate) use fraction::{fraction, quantile};
pub use reset::detect_reset;
pub(crate) use reset::equal;
pub(crate) use text::to_text;
pub(crate) use total::{Totalled, mean_of, sum_of};
pub(crate) use trim::{Keep, trimmed};

/// Index and count of a bucket.
pub(crate) type Indexed = (i32, f64);

pub(crate) fn is_custom(histogram: &FloatHistogram) -> bool {
    histogram.schema == CUSTOM_BUCKETS_SCHEMA
}

pub(crate) fn is_gauge(histogram: &FloatHistogram) -> bool {
    histogram.counter_reset_hint == CounterResetHint::Gauge
}

/// Buckets of spans as pairs, in rising order of the index.
pub(crate) fn indexed(spans: &[Span], counts: &[f64]) -> Vec<Indexed> {
    let mut buckets = Vec::with_capacity(counts.len());
    let mut counts = counts.iter();
    let mut index = 0i32;
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = counts.next() else {
                return buckets;
            };
            buckets.push((index, *count));
            index = index.saturating_add(1);
        }
    }
    buckets
}

/// Pairs in rising order of the index as spans.
pub(crate) fn spanned(buckets: &[Indexed]) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut next_index = 0i32;
    for (index, _) in buckets {
        match spans.last_mut() {
            Some(span) if *index == next_index => span.length += 1,
            _ => spans.push(Span {
                offset: index - next_index,
                length: 1,
            }),
        }
        next_index = index + 1;
    }
    (spans, buckets.iter().map(|(_, count)| *count).collect())
}

/// Removes buckets without observations.
pub(crate) fn compacted(mut histogram: FloatHistogram) -> FloatHistogram {
    let without_empty = |spans: &[Span], counts: &[f64]| {
        let mut buckets = indexed(spans, counts);
        buckets.retain(|(_, count)| *count != 0.0);
        spanned(&buckets)
    };
    let (spans, counts) = without_empty(&histogram.positive_spans, &histogram.positive_buckets);
    (histogram.positive_spans, histogram.positive_buckets) = (spans, counts);
    let (spans, counts) = without_empty(&histogram.negative_spans, &histogram.negative_buckets);
    (histogram.negative_spans, histogram.negative_buckets) = (spans, counts);
    histogram
}
