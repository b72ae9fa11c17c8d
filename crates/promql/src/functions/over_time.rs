//! Functions over the samples of one window: `sum_over_time`, `quantile_over_time`, `deriv`, …

use std::sync::Arc;

use skopos_core::metric::MetricValue;

use crate::annotation::Annotation;
use crate::eval::{Point, Window};
use crate::functions::start;
use crate::histogram::{Totalled, detect_reset, equal, mean_of, sum_of};
use skopos_core::sum::Sum;

pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut total = Sum::default();
    for value in values {
        total.add(*value);
    }
    total.value()
}

/// The mean: of the sum while it is finite, incremental from where it overflows.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut count, mut incremental) = (Sum::default(), 0.0, false);
    for value in values {
        count += 1.0;
        if !incremental {
            let mut next = total;
            next.add(value);
            if count == 1.0 || !next.sum.is_infinite() {
                total = next;
                continue;
            }
            incremental = true;
            total = Sum {
                sum: total.sum / (count - 1.0),
                lost: total.lost / (count - 1.0),
            };
        }
        total = total.scaled((count - 1.0) / count);
        total.add(value / count);
    }
    if incremental {
        total.sum + total.lost
    } else {
        total.sum / count + total.lost / count
    }
}

/// Population variance.
pub(crate) fn variance(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Sum::default(), Sum::default());
    for value in values {
        count += 1.0;
        let delta = value - (mean.sum + mean.lost);
        mean.add(delta / count);
        squares.add(delta * (value - (mean.sum + mean.lost)));
    }
    (squares.sum + squares.lost) / count
}

/// The quantile `q` by linear interpolation between ranks; NaN sorts first.
pub(crate) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    });
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// A function over the samples of a window, chosen once for all windows of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverTime {
    Sum,
    Avg,
    First,
    Last,
    Count,
    Present,
    Absent,
    Min,
    Max,
    TsOfMin,
    TsOfMax,
    TsOfFirst,
    TsOfLast,
    Stdvar,
    Stddev,
    Quantile,
    Mad,
    Changes,
    Resets,
    DoubleExponentialSmoothing,
    Deriv,
    PredictLinear,
}

impl OverTime {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "sum_over_time" => Self::Sum,
            "avg_over_time" => Self::Avg,
            "first_over_time" => Self::First,
            "last_over_time" => Self::Last,
            "count_over_time" => Self::Count,
            "present_over_time" => Self::Present,
            "absent_over_time" => Self::Absent,
            "min_over_time" => Self::Min,
            "max_over_time" => Self::Max,
            "ts_of_min_over_time" => Self::TsOfMin,
            "ts_of_max_over_time" => Self::TsOfMax,
            "ts_of_first_over_time" => Self::TsOfFirst,
            "ts_of_last_over_time" => Self::TsOfLast,
            "stdvar_over_time" => Self::Stdvar,
            "stddev_over_time" => Self::Stddev,
            "quantile_over_time" => Self::Quantile,
            "mad_over_time" => Self::Mad,
            "changes" => Self::Changes,
            "resets" => Self::Resets,
            "double_exponential_smoothing" => Self::DoubleExponentialSmoothing,
            "deriv" => Self::Deriv,
            "predict_linear" => Self::PredictLinear,
            _ => return None,
        })
    }

    /// Whether the function looks at floats only and says so where histograms are among them.
    const fn floats_only(self) -> bool {
        matches!(
            self,
            Self::Min
                | Self::Max
                | Self::Stddev
                | Self::Stdvar
                | Self::Quantile
                | Self::Mad
                | Self::TsOfMax
                | Self::TsOfMin
                | Self::Deriv
                | Self::PredictLinear
                | Self::DoubleExponentialSmoothing
        )
    }
}

/// Evaluates a function over a window that is not empty. `params` are its scalar arguments.
pub(crate) fn evaluate(
    function: OverTime,
    window: &Window<'_>,
    params: &[f64],
    notes: &mut Vec<Annotation>,
) -> Result<Option<MetricValue>, String> {
    let values = window.values;
    if function.floats_only() {
        if values.is_empty() {
            return Ok(None);
        }
        if !window.histograms.is_empty() {
            notes.push(Annotation::HistogramIgnoredInMixedRange(window.metric.to_owned()));
        }
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let total = values.len() + window.histograms.len();
    let float = match function {
        OverTime::Sum | OverTime::Avg => return Ok(sum_or_avg(function == OverTime::Avg, window, notes)),
        OverTime::First => return Ok(window.first().map(|point| point.value)),
        OverTime::Last => return Ok(window.last().map(|point| point.value)),
        OverTime::Count => total as f64,
        OverTime::Present | OverTime::Absent => 1.0,
        OverTime::Min => values[extreme(values, |value, best| value < best)],
        OverTime::Max => values[extreme(values, |value, best| value > best)],
        OverTime::TsOfMin => seconds(window.times[extreme(values, |value, best| value <= best)]),
        OverTime::TsOfMax => seconds(window.times[extreme(values, |value, best| value >= best)]),
        OverTime::TsOfFirst => seconds(window.first().map_or(0, |point| point.time_ms)),
        OverTime::TsOfLast => seconds(window.last().map_or(0, |point| point.time_ms)),
        OverTime::Stdvar => variance(values.iter().copied()),
        OverTime::Stddev => variance(values.iter().copied()).sqrt(),
        OverTime::Quantile => {
            if !(0.0..=1.0).contains(&params[0]) {
                notes.push(Annotation::InvalidQuantile(params[0]));
            }
            quantile(params[0], values.to_vec())
        }
        OverTime::Mad if values.iter().any(|value| value.is_nan()) => f64::NAN,
        OverTime::Mad => {
            let median = quantile(0.5, values.to_vec());
            quantile(0.5, values.iter().map(|value| (value - median).abs()).collect())
        }
        OverTime::Changes => pairs(window, differs),
        OverTime::Resets => pairs(window, is_reset),
        OverTime::DoubleExponentialSmoothing => return smoothing(values, params[0], params[1]),
        _ if values.len() < 2 => return Ok(None),
        OverTime::Deriv => regression(window, window.times[0]).0,
        OverTime::PredictLinear => {
            let (slope, intercept) = regression(window, window.eval_ms);
            slope * params[0] + intercept
        }
    };
    Ok(Some(MetricValue::Float(float)))
}

fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if better(*value, values[best]) || values[best].is_nan() {
            best = at;
        }
    }
    best
}

fn sum_or_avg(average: bool, window: &Window<'_>, notes: &mut Vec<Annotation>) -> Option<MetricValue> {
    if !window.values.is_empty() && !window.histograms.is_empty() {
        notes.push(Annotation::MixedFloatsHistograms(window.metric.to_owned()));
        return None;
    }
    if window.histograms.is_empty() {
        let values = window.values.iter().copied();
        return Some(MetricValue::Float(if average {
            mean(values)
        } else {
            sum(window.values)
        }));
    }
    let histograms = window.histograms.iter().map(|histogram| &**histogram);
    let totalled = if average {
        mean_of(histograms)
    } else {
        sum_of(histograms)
    };
    let Ok(totalled) = totalled else {
        notes.push(Annotation::MixedExponentialCustom(window.metric.to_owned()));
        return None;
    };
    let Totalled {
        histogram,
        reset_collision,
        bounds_reconciled,
    } = totalled?;
    if reset_collision {
        notes.push(Annotation::CounterResetCollision("aggregation"));
    }
    if bounds_reconciled {
        notes.push(Annotation::MismatchedCustomBuckets("aggregation"));
    }
    Some(MetricValue::Histogram(Arc::new(histogram)))
}

/// How many neighbours in the window `counts` tells apart.
fn pairs(window: &Window<'_>, counts: impl Fn(&Point, &Point) -> bool) -> f64 {
    if window.histograms.is_empty() && window.starts.is_empty() {
        let point = |value: f64| Point {
            time_ms: 0,
            start_ms: 0,
            value: MetricValue::Float(value),
        };
        let floats = |pair: &&[f64]| counts(&point(pair[0]), &point(pair[1]));
        return window.values.windows(2).filter(floats).count() as f64;
    }
    let merged = window.merged();
    merged.windows(2).filter(|pair| counts(&pair[0], &pair[1])).count() as f64
}

fn differs(before: &Point, after: &Point) -> bool {
    match (&before.value, &after.value) {
        (MetricValue::Float(before), MetricValue::Float(after)) => {
            before != after && !(before.is_nan() && after.is_nan())
        }
        (MetricValue::Histogram(before), MetricValue::Histogram(after)) => !equal(before, after),
        _ => true,
    }
}

fn is_reset(before: &Point, after: &Point) -> bool {
    let fell = match (&before.value, &after.value) {
        (MetricValue::Float(before), MetricValue::Float(after)) => after < before,
        (MetricValue::Histogram(before), MetricValue::Histogram(after)) => detect_reset(after, before),
        _ => return true,
    };
    fell || start::is_reset(before.started(), after.started())
}

/// Slope and intercept at `intercept_ms` of the least-squares line.
fn regression(window: &Window<'_>, intercept_ms: i64) -> (f64, f64) {
    let first = window.values[0];
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Sum::default(); 4];
    for (time, y) in window.times.iter().zip(window.values) {
        let x = (time - intercept_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = window.values.len() as f64;
    let plain = |sum: Sum| sum.sum + sum.lost;
    let (x, y) = (plain(x_sum), plain(y_sum));
    let slope = (plain(xy_sum) - x * y / n) / (plain(xx_sum) - x * x / n);
    (slope, y / n - slope * x / n)
}

/// Faulty factors are an error also where there is too little to smooth.
fn smoothing(values: &[f64], smoothing: f64, trend: f64) -> Result<Option<MetricValue>, String> {
    for (name, factor, short) in [("smoothing", smoothing, "sf"), ("trend", trend, "tf")] {
        if factor <= 0.0 || factor >= 1.0 {
            let given = crate::number::format_fixed(factor);
            return Err(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {given}"
            ));
        }
    }
    if values.len() < 2 {
        return Ok(None);
    }
    let (mut before, mut smoothed, mut slope) = (0.0, values[0], values[1] - values[0]);
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (smoothed + slope);
        (before, smoothed) = (smoothed, next);
    }
    Ok(Some(MetricValue::Float(smoothed)))
}
