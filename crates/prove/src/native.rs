//! Native histograms as input: their count runs as the values of any series do, and all observations
//! lie in one place, or in two.

use std::collections::BTreeMap;

use skopos_core::histogram::{FloatHistogram, Span};

use crate::range::Range;

/// Resolutions that are tried, coarse ones first: buckets must fit into what is asked.
const SCHEMAS: &[i32] = &[3, 5, 8];
/// Resolution where the distance between two places matters.
const FINE_SCHEMA: i32 = 5;

/// Where the observations of a histogram lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observations {
    at: f64,
    /// A share of them, and where it lies instead.
    rest: Option<(f64, f64)>,
    schema: i32,
    /// Nothing was asked of where they lie.
    pub(crate) is_free: bool,
}

impl Observations {
    /// Only their number matters.
    pub(crate) fn anywhere() -> Self {
        Self {
            is_free: true,
            ..Self::at(1.0)
        }
    }

    /// All have one value.
    pub(crate) fn at(value: f64) -> Self {
        Self {
            at: value,
            rest: None,
            schema: SCHEMAS[0],
            is_free: false,
        }
    }

    /// A share of them has another value.
    pub(crate) fn split(value: f64, share: f64, other: f64) -> Self {
        Self {
            rest: Some((share, other)),
            schema: FINE_SCHEMA,
            ..Self::at(value)
        }
    }

    /// All lie in one bucket that is a part of the range, so that any quantile is.
    pub(crate) fn within(range: Range, strength: u8) -> Option<Self> {
        let plain = range.pick(None, strength);
        let middle = f64::midpoint(range.lo, range.hi);
        let places = SCHEMAS.iter().flat_map(|schema| [(plain, *schema), (middle, *schema)]);
        let mut fitting = places.filter(|(value, schema)| {
            let [lower, upper] = bounds(*value, *schema);
            range.contains(lower) && range.contains(upper)
        });
        let (value, schema) = fitting.next()?;
        Some(Self {
            schema,
            ..Self::at(value)
        })
    }

    /// A histogram with so many observations.
    pub(crate) fn histogram(&self, count: f64) -> FloatHistogram {
        let mut histogram = FloatHistogram {
            schema: self.schema,
            count,
            ..FloatHistogram::default()
        };
        let (share, other) = self.rest.unwrap_or((0.0, self.at));
        let (mut above, mut below) = (BTreeMap::new(), BTreeMap::new());
        for (value, share) in [(self.at, 1.0 - share), (other, share)] {
            let observed = count * share;
            histogram.sum += observed * value;
            if value == 0.0 {
                histogram.zero_count += observed;
            } else if share > 0.0 {
                let side = if value > 0.0 { &mut above } else { &mut below };
                *side.entry(index(value, self.schema)).or_insert(0.0) += observed;
            }
        }
        (histogram.positive_spans, histogram.positive_buckets) = spanned(&above);
        (histogram.negative_spans, histogram.negative_buckets) = spanned(&below);
        histogram
    }
}

/// The bucket of a value that is not zero, on its side of zero.
fn index(value: f64, schema: i32) -> i32 {
    (value.abs().log2() * f64::from(schema).exp2()).ceil() as i32
}

/// The bounds of a value's bucket.
fn bounds(value: f64, schema: i32) -> [f64; 2] {
    if value == 0.0 {
        return [0.0, 0.0];
    }
    let bound = |index: i32| (f64::from(index) / f64::from(schema).exp2()).exp2();
    let index = index(value, schema);
    let [near, far] = [bound(index - 1), bound(index)];
    if value > 0.0 { [near, far] } else { [-far, -near] }
}

fn spanned(buckets: &BTreeMap<i32, f64>) -> (Vec<Span>, Vec<f64>) {
    let mut next = 0;
    let spans = buckets.keys().map(|index| {
        let offset = index - next;
        next = index + 1;
        Span { offset, length: 1 }
    });
    (spans.collect(), buckets.values().copied().collect())
}

#[cfg(test)]
mod tests {
    use skopos_promql::notation::format_histogram;

    use super::*;

    #[test]
    fn buckets_are_parts_of_the_range() {
        let coarse = Observations::within(Range::above(2.0), 0).expect("there is room");
        assert_eq!((coarse.at, coarse.schema), (2.2, 3));
        let fine = Observations::within(Range::closed(2.0, 2.05), 0).expect("there is room");
        assert_eq!(fine.schema, 5);
        assert_eq!(Observations::within(Range::closed(2.0, 2.0001), 0), None);
        assert!(Observations::within(Range::point(0.0), 0).is_some());
        let negative = Observations::within(Range::below(-3.0), 0).expect("there is room");
        let [lower, upper] = bounds(negative.at, negative.schema);
        assert!(lower < upper && upper <= -3.0);
    }

    #[test]
    fn histograms_hold_what_is_said() {
        let text = |observations: Observations, count: f64| format_histogram(&observations.histogram(count));
        assert_eq!(
            text(Observations::at(2.0), 5.0),
            "{{schema:3 count:5 sum:10 offset:8 buckets:[5]}}"
        );
        assert_eq!(
            text(Observations::split(1.0, 0.25, 1.03), 4.0),
            "{{schema:5 count:4 sum:4.03 buckets:[3 0 1]}}"
        );
        assert_eq!(text(Observations::at(0.0), 3.0), "{{schema:3 count:3 z_bucket:3}}");
        assert_eq!(
            text(Observations::at(-1.0), 2.0),
            "{{schema:3 count:2 sum:-2 n_buckets:[2]}}"
        );
    }
}
