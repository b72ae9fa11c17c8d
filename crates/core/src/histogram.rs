//! Native histograms, in Prometheus' shape with absolute float counts.
//!
//! Bucket `i` of schema `s` (−4 … 8) covers `(2^((i−1)·2^−s), 2^(i·2^−s)]`; schema −53 has custom
//! upper bounds. Counts are kept absolute and as floats; integer histograms convert on the way in.

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
