//! Sums and means of many histograms, with compensation of what float addition loses.

use super::{CounterResetHint, FloatHistogram};

use super::arithmetic::{Laid, combined_hint, common_layout};
use super::{IncompatibleSchemas, Indexed, divided, scaled, spanned};
use crate::sum::Sum;

/// A sum or mean with what is to be said about it.
#[derive(Debug, Clone)]
pub struct Totalled {
    /// Not compacted.
    pub histogram: FloatHistogram,
    /// Some were known as reset, others as not reset.
    pub reset_collision: bool,
    /// Custom bounds differed; the common ones remain.
    pub bounds_reconciled: bool,
}

/// A running sum: `lost` holds the low bits of every field of `total`, in the same layout.
#[derive(Debug, Clone)]
struct Running {
    total: FloatHistogram,
    lost: FloatHistogram,
    seen_reset: bool,
    seen_not_reset: bool,
    bounds_reconciled: bool,
}

/// The sum. `None` of none.
pub fn sum_of<'a>(
    histograms: impl IntoIterator<Item = &'a FloatHistogram>,
) -> Result<Option<Totalled>, IncompatibleSchemas> {
    let mut histograms = histograms.into_iter();
    let Some(first) = histograms.next() else {
        return Ok(None);
    };
    let mut running = Running::new(first);
    for histogram in histograms {
        running.add(histogram)?;
    }
    Ok(Some(running.finish()))
}

/// The mean: of the sum while that is finite, incremental from where it overflows.
pub fn mean_of<'a>(
    histograms: impl IntoIterator<Item = &'a FloatHistogram>,
) -> Result<Option<Totalled>, IncompatibleSchemas> {
    let mut histograms = histograms.into_iter();
    let Some(first) = histograms.next() else {
        return Ok(None);
    };
    let mut running = Running::new(first);
    let (mut count, mut incremental) = (1.0, false);
    for histogram in histograms {
        count += 1.0;
        if !incremental {
            let before = running.clone();
            running.add(histogram)?;
            if !overflows(&running.total) {
                continue;
            }
            incremental = true;
            running = before.mapped(|part| divided(part, count - 1.0));
        }
        running = running.mapped(|part| scaled(part, (count - 1.0) / count));
        running.add(&divided(histogram, count))?;
    }
    if !incremental {
        running = running.mapped(|part| divided(part, count));
    }
    Ok(Some(running.finish()))
}

impl Running {
    fn new(first: &FloatHistogram) -> Self {
        let mut running = Self {
            total: first.clone(),
            lost: scaled(first, 0.0),
            seen_reset: false,
            seen_not_reset: false,
            bounds_reconciled: false,
        };
        // Zero times infinity is not zero.
        running.lost.zero_count = 0.0;
        running.lost.count = 0.0;
        running.lost.sum = 0.0;
        running.lost.positive_buckets.fill(0.0);
        running.lost.negative_buckets.fill(0.0);
        running.track(first);
        running
    }

    fn track(&mut self, histogram: &FloatHistogram) {
        self.seen_reset |= histogram.counter_reset_hint == CounterResetHint::Reset;
        self.seen_not_reset |= histogram.counter_reset_hint == CounterResetHint::NotReset;
    }

    fn mapped(self, map: impl Fn(&FloatHistogram) -> FloatHistogram) -> Self {
        Self {
            total: map(&self.total),
            lost: map(&self.lost),
            ..self
        }
    }

    fn add(&mut self, other: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        self.track(other);
        let layout = common_layout(&self.total, other)?;
        self.bounds_reconciled |= layout.reconciled;
        let (total, lost, other_laid) = (layout.lay(&self.total), self.lost_in(&layout), layout.lay(other));
        let added = |sum: f64, lost: f64, value: f64| {
            let mut running = Sum { sum, lost };
            running.add(value);
            (running.sum, running.lost)
        };
        let count = added(self.total.count, self.lost.count, other.count);
        let sum = added(self.total.sum, self.lost.sum, other.sum);
        let zero = added(total.zero_count, lost.zero_count, other_laid.zero_count);
        let positive = merge(&total.positive, &lost.positive, &other_laid.positive);
        let negative = merge(&total.negative, &lost.negative, &other_laid.negative);
        let (positive_spans, positive_buckets) = spanned(&positive.0);
        let (negative_spans, negative_buckets) = spanned(&negative.0);
        let counts = |buckets: &[Indexed]| buckets.iter().map(|(_, count)| *count).collect();
        self.lost = FloatHistogram {
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            custom_values: layout.custom_values.clone(),
            count: count.1,
            sum: sum.1,
            zero_count: zero.1,
            positive_spans: positive_spans.clone(),
            negative_spans: negative_spans.clone(),
            positive_buckets: counts(&positive.1),
            negative_buckets: counts(&negative.1),
            ..FloatHistogram::default()
        };
        self.total = FloatHistogram {
            counter_reset_hint: combined_hint(self.total.counter_reset_hint, other.counter_reset_hint).0,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            custom_values: layout.custom_values,
            count: count.0,
            sum: sum.0,
            zero_count: zero.0,
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
        };
        Ok(())
    }

    /// The low bits in another layout. Buckets are the same as those of `total`, so that the
    /// layout that fits one fits the other.
    fn lost_in(&self, layout: &super::arithmetic::Layout) -> Laid {
        layout.lay(&self.lost)
    }

    fn finish(self) -> Totalled {
        let value = |sum: f64, lost: f64| Sum { sum, lost }.value();
        let buckets =
            |total: &[f64], lost: &[f64]| total.iter().zip(lost).map(|(sum, lost)| value(*sum, *lost)).collect();
        let (total, lost) = (self.total, self.lost);
        Totalled {
            histogram: FloatHistogram {
                zero_count: value(total.zero_count, lost.zero_count),
                count: value(total.count, lost.count),
                sum: value(total.sum, lost.sum),
                positive_buckets: buckets(&total.positive_buckets, &lost.positive_buckets),
                negative_buckets: buckets(&total.negative_buckets, &lost.negative_buckets),
                ..total
            },
            reset_collision: self.seen_reset && self.seen_not_reset,
            bounds_reconciled: self.bounds_reconciled,
        }
    }
}

/// Adds buckets in rising order of the index: sums, and what the sums lost.
fn merge(total: &[Indexed], lost: &[Indexed], other: &[Indexed]) -> (Vec<Indexed>, Vec<Indexed>) {
    let length = total.len().max(other.len());
    let (mut sums, mut losses) = (Vec::with_capacity(length), Vec::with_capacity(length));
    let (mut total, mut lost, mut other) = (total.iter().peekable(), lost.iter().peekable(), other.iter().peekable());
    loop {
        let next = [total.peek(), other.peek()];
        let Some(index) = next.into_iter().flatten().map(|(index, _)| *index).min() else {
            return (sums, losses);
        };
        let take = |buckets: &mut std::iter::Peekable<std::slice::Iter<'_, Indexed>>| {
            buckets.next_if(|(at, _)| *at == index).map_or(0.0, |(_, count)| *count)
        };
        let mut sum = Sum {
            sum: take(&mut total),
            lost: take(&mut lost),
        };
        sum.add(take(&mut other));
        sums.push((index, sum.sum));
        losses.push((index, sum.lost));
    }
}

fn overflows(histogram: &FloatHistogram) -> bool {
    let scalars = [histogram.zero_count, histogram.count, histogram.sum];
    let buckets = histogram.positive_buckets.iter().chain(&histogram.negative_buckets);
    scalars.iter().chain(buckets).any(|value| value.is_infinite())
}
