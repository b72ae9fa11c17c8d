//! Buckets of native histograms with their bounds, in the order in which the API shows them.

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

/// A bucket that holds observations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) count: f64,
    includes: Includes,
}

/// Which bounds belong to a bucket, under the numbers of the API.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Includes {
    Upper = 0,
    Lower = 1,
    Both = 3,
}

impl Bucket {
    /// The API's number for which bounds belong to the bucket.
    pub(super) fn rule(&self) -> u8 {
        self.includes as u8
    }
}

/// All buckets that hold observations, from the lowest to the highest.
pub(super) fn all(histogram: &FloatHistogram) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = indexed(&histogram.negative_spans, &histogram.negative_buckets)
        .map(|(index, count)| negative(histogram.schema, index, count))
        .collect();
    buckets.reverse();
    if histogram.zero_count > 0.0 {
        buckets.push(Bucket {
            lower: -histogram.zero_threshold,
            upper: histogram.zero_threshold,
            count: histogram.zero_count,
            includes: Includes::Both,
        });
    }
    let positive = indexed(&histogram.positive_spans, &histogram.positive_buckets);
    buckets.extend(positive.map(|(index, count)| match histogram.schema {
        CUSTOM_BUCKETS_SCHEMA => custom(&histogram.custom_values, index, count),
        schema => exponential(schema, index, count),
    }));
    buckets.retain(|bucket| bucket.count != 0.0);
    buckets
}

fn indexed<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = next.saturating_add(span.offset);
        next = first.saturating_add(i32::try_from(span.length).unwrap_or(i32::MAX));
        first..next
    });
    indexes.zip(counts.iter().copied())
}

fn exponential(schema: i32, index: i32, count: f64) -> Bucket {
    Bucket {
        lower: bound(schema, index.saturating_sub(1)),
        upper: bound(schema, index),
        count,
        includes: Includes::Upper,
    }
}

fn negative(schema: i32, index: i32, count: f64) -> Bucket {
    Bucket {
        lower: -bound(schema, index),
        upper: -bound(schema, index.saturating_sub(1)),
        count,
        includes: Includes::Lower,
    }
}

fn custom(bounds: &[f64], index: i32, count: f64) -> Bucket {
    let at = |index: i32| usize::try_from(index).ok().and_then(|index| bounds.get(index)).copied();
    Bucket {
        lower: at(index - 1).unwrap_or(f64::NEG_INFINITY),
        upper: at(index).unwrap_or(f64::INFINITY),
        count,
        includes: if index == 0 { Includes::Both } else { Includes::Upper },
    }
}

/// Upper bound of bucket `index`: `2^(index · 2^-schema)` (`getBoundExponential` in Prometheus).
fn bound(schema: i32, index: i32) -> f64 {
    if schema <= 0 {
        let shift = u32::try_from(-schema).unwrap_or(0).min(31);
        let exponent = i64::from(index) << shift;
        return power_of_two(exponent);
    }
    let per_power = 1i64 << schema.min(31);
    let (exponent, part) = (
        i64::from(index).div_euclid(per_power),
        i64::from(index).rem_euclid(per_power),
    );
    // The last bucket that holds finite numbers ends at the largest of them.
    if exponent == 1024 && part == 0 {
        return f64::MAX;
    }
    (part as f64 / per_power as f64).exp2() * power_of_two(exponent)
}

fn power_of_two(exponent: i64) -> f64 {
    match exponent {
        1024 => f64::MAX,
        1025.. => f64::INFINITY,
        _ => 2f64.powi(exponent.max(-1100) as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_the_base() {
        assert_eq!(bound(0, 3), 8.0);
        assert_eq!(bound(-1, 2), 16.0);
        assert_eq!(bound(1, 2), 2.0);
        assert_eq!(bound(3, -8), 0.5);
        assert_eq!(bound(0, 1024), f64::MAX);
        assert_eq!(bound(0, 1025), f64::INFINITY);
        assert!((bound(1, 1) - std::f64::consts::SQRT_2).abs() < 1e-15);
    }

    #[test]
    fn custom_bounds_end_in_infinity() {
        let histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_values: vec![1.0, 2.0],
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![5.0, 0.0, 7.0],
            ..FloatHistogram::default()
        };
        let shown: Vec<_> = all(&histogram)
            .iter()
            .map(|b| (b.rule(), b.lower, b.upper, b.count))
            .collect();
        let expected = [(3, f64::NEG_INFINITY, 1.0, 5.0), (0, 2.0, f64::INFINITY, 7.0)];
        assert_eq!(shown, expected);
    }
}
