//! Functions over the samples of a window.

use super::columns::Steps;
use crate::ast::{RangeExpr, RangeOp};

/// A number taken from a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) time_ns: i64,
    pub(super) value: f64,
}

/// The window of one step: later than the start, up to and including the end.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    start_ns: i64,
    end_ns: i64,
}

fn seconds(range_ns: i64) -> f64 {
    range_ns as f64 / 1e9
}

/// Points of a function that counts lines or bytes, from the differences between steps.
pub(super) fn counted(range: &RangeExpr, count: &[i64], sum: &[f64]) -> Vec<Option<f64>> {
    let divisor = match range.op {
        RangeOp::Rate | RangeOp::BytesRate => seconds(range.range_ns),
        _ => 1.0,
    };
    let mut held = (0, 0.0);
    let points = count.iter().zip(sum).map(|(count, sum)| {
        held = (held.0 + count, held.1 + sum);
        (held.0 > 0).then(|| held.1 / divisor)
    });
    points.take(count.len() - 1).collect()
}

/// Points of a function over the samples of each window. Samples are sorted by time.
pub(super) fn slide(range: &RangeExpr, steps: Steps, samples: &[Sample]) -> Vec<Option<f64>> {
    let (mut from, mut to) = (0, 0);
    let points = (0..steps.count).map(|step| {
        let end_ns = steps.time(step);
        let start_ns = end_ns.saturating_sub(range.range_ns);
        while to < samples.len() && samples[to].time_ns <= end_ns {
            to += 1;
        }
        while from < to && samples[from].time_ns <= start_ns {
            from += 1;
        }
        (from < to).then(|| apply(range, &samples[from..to], Bounds { start_ns, end_ns }))
    });
    points.collect()
}

fn apply(range: &RangeExpr, window: &[Sample], bounds: Bounds) -> f64 {
    let values = window.iter().map(|sample| sample.value);
    match range.op {
        RangeOp::SumOverTime => values.sum(),
        RangeOp::Rate => values.sum::<f64>() / seconds(range.range_ns),
        RangeOp::RateCounter => rate_counter(window, bounds),
        RangeOp::AvgOverTime => mean(values),
        RangeOp::MinOverTime => extreme(values, |new, old| new < old),
        RangeOp::MaxOverTime => extreme(values, |new, old| new > old),
        RangeOp::StdvarOverTime => variance(values),
        RangeOp::StddevOverTime => variance(values).sqrt(),
        RangeOp::QuantileOverTime => quantile(range.param.unwrap_or(f64::NAN), values.collect()),
        RangeOp::FirstOverTime => window[0].value,
        RangeOp::LastOverTime => window[window.len() - 1].value,
        RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::AbsentOverTime => {
            window.len() as f64
        }
    }
}

fn extreme(values: impl Iterator<Item = f64>, better: impl Fn(f64, f64) -> bool) -> f64 {
    let pick = |old: f64, new: f64| if better(new, old) || old.is_nan() { new } else { old };
    values.reduce(pick).unwrap_or(f64::NAN)
}

/// A running mean that does not overflow and keeps infinities (Prometheus' `avg_over_time`).
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut count) = (0.0f64, 0.0);
    for value in values {
        count += 1.0;
        let keeps_infinity =
            mean.is_infinite() && (value.is_finite() || (value.is_infinite() && (mean > 0.0) == (value > 0.0)));
        if !keeps_infinity {
            mean += value / count - mean / count;
        }
    }
    mean
}

/// Population variance by Welford's method.
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut aux) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        aux += delta * (value - mean);
    }
    aux / count
}

fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN sorts first.
    values.sort_by(|left, right| match (left.is_nan(), right.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => left.total_cmp(right),
    });
    let rank = q * (values.len() as f64 - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(values.len() as f64 - 1.0);
    let weight = rank - lower;
    values[lower as usize] * (1.0 - weight) + values[upper as usize] * weight
}

/// A counter's rate, extrapolated to the bounds of the window (Prometheus' `extrapolatedRate`).
fn rate_counter(window: &[Sample], bounds: Bounds) -> f64 {
    let (Some(first), Some(last)) = (window.first(), window.last()) else {
        return 0.0;
    };
    if window.len() < 2 || first.time_ns == last.time_ns {
        return 0.0;
    }
    let mut increase = last.value - first.value;
    for pair in window.windows(2) {
        if pair[1].value < pair[0].value {
            increase += pair[0].value;
        }
    }
    let sampled = seconds(last.time_ns - first.time_ns);
    let average = sampled / (window.len() as f64 - 1.0);
    // Beyond this distance the series is taken to start or end within the window.
    let near = |distance: f64| {
        if distance < average * 1.1 {
            distance
        } else {
            average / 2.0
        }
    };
    let mut to_start = near(seconds(first.time_ns - bounds.start_ns));
    if increase > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / increase));
    }
    let to_end = near(seconds(bounds.end_ns - last.time_ns));
    let extrapolated = sampled + to_start + to_end;
    increase * (extrapolated / sampled) / seconds(bounds.end_ns - bounds.start_ns)
}
