//! Native histograms, in Prometheus' shape with absolute float counts.
//!
//! Bucket `i` of schema `s` (−4 … 8) covers `(2^((i−1)·2^−s), 2^(i·2^−s)]`; schema −53 has custom
//! upper bounds. Counts are kept absolute and as floats; integer histograms convert on the way in.
//!
//! Arithmetic (`model/histogram/float_histogram.go` in Prometheus) handles buckets as sorted pairs of
//! index and count; spans are only the form at rest.

mod arithmetic;
mod bucket;
mod classic;
mod reset;
mod total;

pub use arithmetic::{
    IncompatibleSchemas, Operation, add_histograms, combine, divided, scaled, subtract_histograms, to_schema,
};
pub use bucket::{Bucket, all_buckets, negative_buckets, positive_buckets, zero_bucket};
pub use classic::{BUCKET_LABEL, ClassicError, ClassicHistogram, ClassicPart, custom_buckets};
pub use reset::{detect_reset, equal};
pub use total::{Totalled, mean_of, sum_of};

/// Schema number of histograms with custom bucket bounds.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What is known of a counter reset before a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CounterResetHint {
    /// Nothing is known; compare with the one before.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NotReset,
    /// A gauge histogram: resets have no meaning.
    Gauge,
}

/// A run of consecutive buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Gap to the previous span; for the first span the index of its first bucket.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// A native histogram with float counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FloatHistogram {
    /// What is known of a reset.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution: −4 … 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Half width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Runs of positive buckets.
    pub positive_spans: Vec<Span>,
    /// Runs of negative buckets.
    pub negative_spans: Vec<Span>,
    /// Count of each positive bucket, in the order of the spans.
    pub positive_buckets: Vec<f64>,
    /// Count of each negative bucket, in the order of the spans.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, without `+Inf`; empty for other schemas.
    pub custom_values: Vec<f64>,
}

/// Index and count of a bucket.
pub type Indexed = (i32, f64);

/// Whether the buckets have bounds of their own.
pub fn is_custom(histogram: &FloatHistogram) -> bool {
    histogram.schema == CUSTOM_BUCKETS_SCHEMA
}

/// Whether resets have no meaning.
pub fn is_gauge(histogram: &FloatHistogram) -> bool {
    histogram.counter_reset_hint == CounterResetHint::Gauge
}

/// Buckets of spans as pairs, in rising order of the index.
pub fn indexed(spans: &[Span], counts: &[f64]) -> Vec<Indexed> {
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
pub fn spanned(buckets: &[Indexed]) -> (Vec<Span>, Vec<f64>) {
    spanned_within(buckets, 0)
}

/// As [`spanned`], but one span goes on over up to `max_gap` missing buckets, which become empty ones.
pub fn spanned_within(buckets: &[Indexed], max_gap: i32) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut counts = Vec::with_capacity(buckets.len());
    let mut next_index = 0i32;
    for (index, count) in buckets {
        let gap = index.saturating_sub(next_index);
        match spans.last_mut() {
            Some(span) if gap <= max_gap => {
                span.length += gap.unsigned_abs() + 1;
                counts.resize(counts.len() + gap.unsigned_abs() as usize, 0.0);
            }
            _ => spans.push(Span { offset: gap, length: 1 }),
        }
        counts.push(*count);
        next_index = index.saturating_add(1);
    }
    (spans, counts)
}

/// Removes buckets without observations.
pub fn compacted(mut histogram: FloatHistogram) -> FloatHistogram {
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

/// Counts of buckets from the differences between neighbours, as integer histograms carry them.
pub fn absolute_counts(deltas: impl IntoIterator<Item = i64>) -> Vec<f64> {
    let running = deltas.into_iter().scan(0i64, |count, delta| {
        *count = count.saturating_add(delta);
        Some(*count as f64)
    });
    running.collect()
}
