//! Limits of native histograms: buckets are joined until they fit.

use skopos_config::ScrapeConfig;
use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};
use skopos_wire::histogram::reduce_resolution;

use super::IngestError;

const MIN_SCHEMA: i32 = -4;
const MAX_SCHEMA: i32 = 8;

/// The finest resolution and the most buckets of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct NativeLimits {
    max_schema: i32,
    /// 0 is no limit.
    bucket_limit: u64,
}

impl Default for NativeLimits {
    fn default() -> Self {
        Self {
            max_schema: MAX_SCHEMA,
            bucket_limit: 0,
        }
    }
}

impl NativeLimits {
    pub(super) fn new(config: &ScrapeConfig) -> Self {
        Self {
            max_schema: max_schema(config.native_histogram_min_bucket_factor),
            bucket_limit: config.native_histogram_bucket_limit,
        }
    }

    /// Lowers the resolution as far as the limits ask for.
    pub(super) fn apply(self, histogram: &mut FloatHistogram) -> Result<(), IngestError> {
        reduce_resolution(histogram, self.max_schema);
        while self.bucket_limit != 0 && bucket_count(histogram) > self.bucket_limit {
            if histogram.schema == CUSTOM_BUCKETS_SCHEMA || histogram.schema <= MIN_SCHEMA {
                return Err(IngestError::BucketLimit {
                    limit: self.bucket_limit,
                });
            }
            let coarser = histogram.schema - 1;
            reduce_resolution(histogram, coarser);
        }
        Ok(())
    }
}

fn bucket_count(histogram: &FloatHistogram) -> u64 {
    (histogram.positive_buckets.len() + histogram.negative_buckets.len()) as u64
}

/// The finest resolution whose buckets grow by at least `factor` (`pickSchema` in Prometheus).
fn max_schema(factor: f64) -> i32 {
    if factor <= 1.0 {
        return MAX_SCHEMA;
    }
    let schema = -factor.log2().log2();
    schema.floor().clamp(f64::from(MIN_SCHEMA), f64::from(MAX_SCHEMA)) as i32
}

#[cfg(test)]
mod tests {
    use skopos_core::histogram::Span;

    use super::*;

    #[test]
    fn a_factor_is_a_resolution() {
        for (factor, schema) in [(0.0, 8), (1.0, 8), (1.1, 2), (2.0, 0), (4.0, -1), (1e9, -4)] {
            assert_eq!(max_schema(factor), schema, "{factor}");
        }
    }

    #[test]
    fn buckets_are_joined_until_they_fit() {
        let mut histogram = FloatHistogram {
            schema: 0,
            positive_spans: vec![Span { offset: 1, length: 4 }],
            positive_buckets: vec![1.0; 4],
            ..FloatHistogram::default()
        };
        let limited = |bucket_limit| NativeLimits {
            bucket_limit,
            ..NativeLimits::default()
        };
        limited(2).apply(&mut histogram).expect("they can be joined");
        assert_eq!((histogram.schema, histogram.positive_buckets.len()), (-1, 2));
        histogram.negative_spans = histogram.positive_spans.clone();
        histogram.negative_buckets = histogram.positive_buckets.clone();
        assert_eq!(
            limited(1).apply(&mut histogram),
            Err(IngestError::BucketLimit { limit: 1 }),
            "there is one for each sign at least"
        );
    }
}
