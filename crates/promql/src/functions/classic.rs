//! Quantiles and fractions of classic histograms: cumulative counts under upper bounds.

/// Relative difference of two counts that is taken for lost precision.
const TOLERANCE: f64 = 1e-12;

/// An upper bound and the count of all observations up to it.
pub(crate) type Cumulative = (f64, f64);

/// What had to be done so that counts do not fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forced {
    pub(crate) lowest_bound: f64,
    pub(crate) highest_bound: f64,
    pub(crate) largest_difference: f64,
}

/// The quantile, and whether falling counts were fixed for it.
pub(crate) fn quantile(q: f64, buckets: Vec<Cumulative>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if !(0.0..=1.0).contains(&q) {
        return (f64::INFINITY.copysign(q), None);
    }
    let Some(mut buckets) = complete(buckets) else {
        return (f64::NAN, None);
    };
    let forced = make_monotonic(&mut buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, forced);
    }
    let mut rank = q * observations;
    let at = buckets[..last]
        .iter()
        .position(|(_, count)| *count >= rank)
        .unwrap_or(last);
    if at == last {
        return (buckets[last - 1].0, forced);
    }
    let (end, mut count) = buckets[at];
    if at == 0 && end <= 0.0 {
        return (end, forced);
    }
    let mut start = 0.0;
    if at > 0 {
        start = buckets[at - 1].0;
        count -= buckets[at - 1].1;
        rank -= buckets[at - 1].1;
    }
    (start + (end - start) * (rank / count), forced)
}

/// The fraction of observations between two bounds.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: Vec<Cumulative>) -> f64 {
    let Some(buckets) = complete(buckets) else {
        return f64::NAN;
    };
    let observations = buckets[buckets.len() - 1].1;
    if observations == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |bound: f64| rank_of(&buckets, bound).min(observations);
    (rank(upper) - rank(lower)) / observations
}

/// The count of observations up to `bound`, by linear interpolation.
fn rank_of(buckets: &[Cumulative], bound: f64) -> f64 {
    let (mut start, mut below) = (0.0, 0.0);
    if buckets[0].0 <= 0.0 {
        start = f64::NEG_INFINITY;
    }
    for (end, count) in buckets {
        if start >= bound {
            return below;
        }
        if *end > bound {
            return if start == f64::NEG_INFINITY {
                *count
            } else {
                below + (count - below) * (bound - start) / (end - start)
            };
        }
        (start, below) = (*end, *count);
    }
    f64::INFINITY
}

/// Buckets in rising order, those of one bound summed. `None` without a bucket for all.
fn complete(mut buckets: Vec<Cumulative>) -> Option<Vec<Cumulative>> {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<Cumulative> = Vec::with_capacity(buckets.len());
    for (bound, count) in buckets {
        match merged.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => merged.push((bound, count)),
        }
    }
    let (highest, _) = *merged.last()?;
    (highest == f64::INFINITY).then_some(merged)
}

fn make_monotonic(buckets: &mut [Cumulative]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut previous = buckets[0].1;
    for (bound, count) in &mut buckets[1..] {
        let difference = previous - *count;
        if difference == 0.0 {
            continue;
        }
        if is_noise(previous, *count) {
            *count = previous;
        } else if *count < previous {
            *count = previous;
            let so_far = forced.get_or_insert(Forced {
                lowest_bound: *bound,
                highest_bound: *bound,
                largest_difference: difference,
            });
            so_far.highest_bound = *bound;
            so_far.largest_difference = so_far.largest_difference.max(difference);
        } else {
            previous = *count;
        }
    }
    forced
}

fn is_noise(a: f64, b: f64) -> bool {
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_interpolate() {
        let buckets = || vec![(1.0, 10.0), (2.0, 30.0), (INF, 40.0)];
        assert_eq!(quantile(0.25, buckets()).0.to_bits(), 1f64.to_bits());
        assert_eq!(quantile(0.5, buckets()).0.to_bits(), 1.5f64.to_bits());
        assert_eq!(quantile(1.0, buckets()).0.to_bits(), 2f64.to_bits());
        assert!(quantile(0.5, vec![(1.0, 3.0)]).0.is_nan(), "no bucket for all");
        assert_eq!(quantile(2.0, buckets()).0, INF);
    }

    #[test]
    fn falling_counts_are_fixed() {
        let (_, forced) = quantile(0.5, vec![(1.0, 100.0), (2.0, 50.0), (3.0, 60.0), (INF, 200.0)]);
        let expected = Forced {
            lowest_bound: 2.0,
            highest_bound: 3.0,
            largest_difference: 50.0,
        };
        assert_eq!(forced, Some(expected));
    }

    #[test]
    fn fractions_begin_at_zero() {
        let buckets = || vec![(1.0, 10.0), (2.0, 30.0), (INF, 40.0)];
        assert_eq!(fraction(0.0, 1.0, buckets()).to_bits(), 0.25f64.to_bits());
        assert_eq!(fraction(f64::NEG_INFINITY, INF, buckets()).to_bits(), 1f64.to_bits());
        assert_eq!(fraction(0.5, 1.5, buckets()).to_bits(), 0.375f64.to_bits());
    }
}
