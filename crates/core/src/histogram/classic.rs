//! Classic histograms as native ones with custom buckets.
//!
//! A classic histogram is a family of series: cumulative counts by upper bound (`le`), a sum and a
//! count. What makes one native histogram of them, and what is too broken for that, is as in
//! Prometheus (`util/convertnhcb`).

use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Indexed, spanned_within};

/// The label of a bucket's upper bound.
pub const BUCKET_LABEL: &str = "le";
/// Longest run of empty buckets that is kept between others where counts are whole numbers.
const MAX_GAP: i32 = 2;

/// Why the parts make no histogram.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClassicError {
    /// A count is below zero, infinite, or not a number.
    #[error("histogram has a count of {0}")]
    NoCount(f64),
    /// The bound of a bucket is not a number.
    #[error("bucket boundary must not be NaN")]
    NoBound,
    /// A bucket counts less than one with a lower bound.
    #[error("count is not cumulative: {less} < {more}")]
    NotCumulative {
        /// The count of the bucket with the higher bound.
        less: f64,
        /// The count of the one with the lower bound.
        more: f64,
    },
    /// There are neither buckets nor a count.
    #[error("count must be provided when no buckets are present")]
    Empty,
    /// The highest bucket does not hold all observations.
    #[error("count mismatch: count={count} != le={bound} count={highest}")]
    Mismatch {
        /// All observations.
        count: f64,
        /// The highest bound.
        bound: f64,
        /// The count up to there.
        highest: f64,
    },
}

/// Which part of a classic histogram a series holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassicPart {
    /// The cumulative count up to a bound.
    Bucket(f64),
    /// The sum of the observations.
    Sum,
    /// Their count.
    Count,
}

impl ClassicPart {
    /// The histogram's name and the part, from the name of a series and the bound that its `le`
    /// says. No part where a bucket has no bound; no name where it ends in none of the suffixes.
    pub fn of_series(name: &str, bound: Option<f64>) -> Option<(&str, Option<Self>)> {
        if let Some(base) = name.strip_suffix("_bucket") {
            return Some((base, bound.filter(|bound| !bound.is_nan()).map(Self::Bucket)));
        }
        let sum = name.strip_suffix("_sum").map(|base| (base, Some(Self::Sum)));
        sum.or_else(|| name.strip_suffix("_count").map(|base| (base, Some(Self::Count))))
    }
}

/// The parts of a classic histogram at one time, as far as they have come in.
#[derive(Debug, Clone, Default)]
pub struct ClassicHistogram {
    /// Bounds and cumulative counts, in rising order.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: Option<f64>,
    broken: Option<ClassicError>,
}

impl ClassicHistogram {
    /// Takes a part. Of two buckets with the same bound the first counts.
    pub fn set(&mut self, part: ClassicPart, value: f64) {
        let set = match part {
            ClassicPart::Bucket(bound) => self.set_bucket(bound, value),
            ClassicPart::Sum => {
                self.sum = value;
                Ok(())
            }
            ClassicPart::Count => checked(value).map(|count| self.count = Some(count)),
        };
        if let Err(error) = set {
            self.broken.get_or_insert(error);
        }
    }

    fn set_bucket(&mut self, bound: f64, count: f64) -> Result<(), ClassicError> {
        let count = checked(count)?;
        if bound.is_nan() {
            return Err(ClassicError::NoBound);
        }
        let at = self.buckets.partition_point(|(other, _)| *other < bound);
        let (lower, higher) = self.buckets.split_at(at);
        if higher.first().is_some_and(|(other, _)| *other == bound) {
            return Ok(());
        }
        let below = lower.last().map_or(0.0, |(_, below)| *below);
        let above = higher.first().map_or(f64::INFINITY, |(_, above)| *above);
        if count < below {
            return Err(ClassicError::NotCumulative {
                less: count,
                more: below,
            });
        }
        if count > above {
            return Err(ClassicError::NotCumulative {
                less: above,
                more: count,
            });
        }
        self.buckets.insert(at, (bound, count));
        Ok(())
    }

    /// The native histogram. A missing count is that of the highest bucket, a missing bucket up to
    /// infinity holds all that was counted.
    pub fn convert(self) -> Result<FloatHistogram, ClassicError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let mut buckets = self.buckets;
        let (bound, highest) = buckets.last().copied().unwrap_or((f64::NEG_INFINITY, 0.0));
        let counted = Some(highest).filter(|_| !buckets.is_empty());
        let count = self.count.or(counted).ok_or(ClassicError::Empty)?;
        let is_closed = bound == f64::INFINITY;
        if highest > count || (is_closed && highest < count) {
            return Err(ClassicError::Mismatch { count, bound, highest });
        }
        if !is_closed {
            buckets.push((f64::INFINITY, count));
        }
        let are_whole = buckets.iter().all(|(_, count)| count.fract() == 0.0);
        let bounds = buckets.iter().map(|(bound, _)| *bound);
        let bounds = bounds.filter(|bound| *bound != f64::INFINITY).collect();
        let counts = buckets
            .iter()
            .scan(0.0, |below, (_, count)| Some(count - std::mem::replace(below, *count)));
        let filled: Vec<Indexed> = (0..).zip(counts).filter(|(_, count)| *count != 0.0).collect();
        Ok(FloatHistogram {
            count,
            sum: self.sum,
            ..custom_buckets(bounds, &filled, if are_whole { MAX_GAP } else { 0 })
        })
    }
}

fn checked(count: f64) -> Result<f64, ClassicError> {
    if count >= 0.0 && count.is_finite() {
        Ok(count)
    } else {
        Err(ClassicError::NoCount(count))
    }
}

/// The custom buckets of a histogram from its bounds, without the infinite one, and the buckets that
/// hold something, by the index of their bound. Up to `max_gap` empty ones in a row are kept.
#[must_use]
pub fn custom_buckets(bounds: Vec<f64>, filled: &[Indexed], max_gap: i32) -> FloatHistogram {
    let (positive_spans, positive_buckets) = spanned_within(filled, max_gap);
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        positive_spans,
        positive_buckets,
        custom_values: bounds,
        ..FloatHistogram::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Span;
    use super::*;

    fn convert(buckets: &[(f64, f64)], count: Option<f64>) -> Result<FloatHistogram, ClassicError> {
        let mut classic = ClassicHistogram::default();
        for (bound, cumulative) in buckets {
            classic.set(ClassicPart::Bucket(*bound), *cumulative);
        }
        if let Some(count) = count {
            classic.set(ClassicPart::Count, count);
        }
        classic.set(ClassicPart::Sum, 7.0);
        classic.convert()
    }

    #[test]
    fn buckets_come_in_any_order_and_lose_their_empty_ends() {
        let sent = [
            (5.0, 9.0),
            (f64::INFINITY, 9.0),
            (1.0, 0.0),
            (3.0, 4.0),
            (2.0, 4.0),
            (3.0, 1.0),
            (4.0, 4.0),
        ];
        let histogram = convert(&sent, Some(9.0)).expect("good");
        assert_eq!((histogram.count, histogram.sum), (9.0, 7.0));
        assert_eq!(histogram.custom_values, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(histogram.positive_spans, [Span { offset: 1, length: 4 }]);
        assert_eq!(histogram.positive_buckets, [4.0, 0.0, 0.0, 5.0]);
    }

    #[test]
    fn fractions_keep_no_empty_bucket() {
        let histogram = convert(&[(1.0, 0.5), (2.0, 0.5), (f64::INFINITY, 1.0)], None).expect("good");
        assert_eq!(
            histogram.positive_spans,
            [Span { offset: 0, length: 1 }, Span { offset: 1, length: 1 }]
        );
        assert_eq!((histogram.count, histogram.positive_buckets), (1.0, vec![0.5, 0.5]));
    }

    #[test]
    fn what_is_missing_follows_from_the_rest() {
        let no_infinity = convert(&[(1.0, 2.0)], Some(5.0)).expect("good");
        assert_eq!(no_infinity.positive_buckets, [2.0, 3.0]);
        let no_buckets = convert(&[], Some(5.0)).expect("good");
        assert_eq!(
            (no_buckets.custom_values, no_buckets.positive_buckets),
            (vec![], vec![5.0])
        );
        assert_eq!(convert(&[], None), Err(ClassicError::Empty));
    }

    #[test]
    fn broken_ones_are_refused() {
        let falls = [(1.0, 2.0), (2.0, 1.0)];
        assert!(matches!(convert(&falls, None), Err(ClassicError::NotCumulative { .. })));
        let falls_backwards = [(2.0, 1.0), (1.0, 2.0), (3.0, 4.0)];
        assert!(matches!(
            convert(&falls_backwards, Some(4.0)),
            Err(ClassicError::NotCumulative { .. })
        ));
        assert_eq!(convert(&[(1.0, -1.0)], None), Err(ClassicError::NoCount(-1.0)));
        assert!(convert(&[(1.0, f64::NAN)], None).is_err());
        assert!(convert(&[(1.0, f64::INFINITY)], None).is_err());
        assert_eq!(convert(&[(f64::NAN, 1.0)], None), Err(ClassicError::NoBound));
        assert!(matches!(
            convert(&[(f64::INFINITY, 3.0)], Some(4.0)),
            Err(ClassicError::Mismatch { .. })
        ));
        assert!(matches!(
            convert(&[(1.0, 3.0)], Some(2.0)),
            Err(ClassicError::Mismatch { .. })
        ));
    }

    #[test]
    fn parts_are_told_by_their_names() {
        let part = ClassicPart::of_series;
        assert_eq!(part("h_bucket", Some(1.0)), Some(("h", Some(ClassicPart::Bucket(1.0)))));
        assert_eq!(part("h_bucket", None), Some(("h", None)));
        assert_eq!(part("h_bucket", Some(f64::NAN)), Some(("h", None)));
        assert_eq!(part("h_sum", None), Some(("h", Some(ClassicPart::Sum))));
        assert_eq!(part("h_count", None), Some(("h", Some(ClassicPart::Count))));
        assert_eq!(part("h_created", None), None);
    }
}
