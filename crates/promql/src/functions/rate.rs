//! `rate`, `increase`, `delta` and their instant forms, on the samples of one window.

use std::sync::Arc;

use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::metric::MetricValue;

use crate::annotation::Annotation;
use crate::eval::Window;
use crate::functions::start::{self, Started};
use crate::histogram::{Operation, combine, compacted, detect_reset, divided, is_custom, is_gauge, scaled, to_schema};

/// What a rate-like function yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rate,
    Increase,
    Delta,
}

/// The value at `time_ms` on the line between two points; a fallen counter begins at zero.
pub(crate) fn interpolate(before: (i64, f64), after: (i64, f64), time_ms: i64, is_counter: bool) -> f64 {
    let from = if is_counter && after.1 < before.1 {
        0.0
    } else {
        before.1
    };
    from + (after.1 - from) * (time_ms - before.0) as f64 / (after.0 - before.0) as f64
}

/// Rate, increase or delta over the window, extrapolated to its bounds.
pub(crate) fn extrapolated(window: &Window<'_>, kind: Kind, notes: &mut Vec<Annotation>) -> Option<MetricValue> {
    let is_counter = kind != Kind::Delta;
    if !window.values.is_empty() && !window.histograms.is_empty() {
        notes.push(Annotation::MixedFloatsHistograms(window.metric.to_owned()));
        return None;
    }
    let is_float = window.histograms.is_empty();
    let times = if is_float { window.times } else { window.histogram_times };
    let starts = if is_float {
        window.starts
    } else {
        window.histogram_starts
    };
    let points = Points { times, starts };
    let began = points.began(window, is_counter);
    if times.is_empty() || (times.len() < 2 && began.is_none()) {
        return None;
    }
    if is_counter && points.overlap() {
        notes.push(Annotation::StartTimeOverlap(window.metric.to_owned()));
    }
    if !is_float {
        let result = histogram_rate(window, points, began, is_counter, notes)?;
        let first = window.histograms[0].count;
        let to_zero = (is_counter && result.count > 0.0 && first >= 0.0).then(|| first / result.count);
        let factor = extrapolation(Extent::of(window, times), began, to_zero, kind);
        return Some(MetricValue::Histogram(Arc::new(scaled(&result, factor))));
    }
    let pairs = window.values.windows(2).enumerate();
    let fallen = pairs.filter(|(at, pair)| is_counter && (pair[1] < pair[0] || points.reset_before(at + 1)));
    of_floats(window, began, fallen.map(|(_, pair)| pair[0]), kind).map(MetricValue::Float)
}

/// Rate, increase or delta of floats; `fallen` are the values before each reset in the window.
fn of_floats(window: &Window<'_>, began: Option<i64>, fallen: impl Iterator<Item = f64>, kind: Kind) -> Option<f64> {
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let mut result = if began.is_some() { last } else { last - first };
    for value in fallen {
        result += value;
    }
    let to_zero = (kind != Kind::Delta && result > 0.0 && first >= 0.0).then(|| first / result);
    Some(result * extrapolation(Extent::of(window, window.times), began, to_zero, kind))
}

/// Times and start timestamps of the samples of one kind; the latter are empty where unknown.
#[derive(Clone, Copy)]
struct Points<'a> {
    times: &'a [i64],
    starts: &'a [i64],
}

impl Points<'_> {
    fn started(self, at: usize) -> Started {
        Started {
            time_ms: self.times[at],
            start_ms: self.starts.get(at).copied().unwrap_or(0),
        }
    }

    /// When the counter of the first sample was zero, if that is known and in the window.
    fn began(self, window: &Window<'_>, is_counter: bool) -> Option<i64> {
        if !is_counter || self.starts.is_empty() {
            return None;
        }
        start::within(self.started(0), window.start_ms)
    }

    fn reset_before(self, at: usize) -> bool {
        !self.starts.is_empty() && start::is_reset(self.started(at - 1), self.started(at))
    }

    fn overlap(self) -> bool {
        let pairs = 1..self.times.len().min(self.starts.len());
        pairs
            .into_iter()
            .any(|at| start::overlaps(self.started(at - 1), self.started(at)))
    }
}

/// A window of time, and what is known of the samples in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// Times of the first and the last sample.
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// Number of samples, whole.
    pub(crate) count: f64,
}

impl Extent {
    /// Of samples at these times, which are some.
    fn of(window: &Window<'_>, times: &[i64]) -> Self {
        Self {
            start_ms: window.start_ms,
            end_ms: window.end_ms,
            first_ms: times[0],
            last_ms: times[times.len() - 1],
            count: times.len() as f64,
        }
    }
}

/// As [`extrapolated`] for floats of which only the first, the last and the sum of those before each
/// reset are known.
pub(crate) fn of_summary(extent: Extent, first: f64, last: f64, lost: f64, kind: Kind) -> Option<f64> {
    if extent.count < 2.0 || extent.last_ms <= extent.first_ms {
        return None;
    }
    let lost = if kind == Kind::Delta { 0.0 } else { lost };
    let result = last - first + lost;
    let to_zero = (kind != Kind::Delta && result > 0.0 && first >= 0.0).then(|| first / result);
    Some(result * extrapolation(extent, None, to_zero, kind))
}

/// As [`extrapolated`] for histograms of which those in `window` are known: the first, the last, and
/// those on both sides of each reset.
pub(crate) fn of_histograms(
    window: &Window<'_>,
    extent: Extent,
    kind: Kind,
    notes: &mut Vec<Annotation>,
) -> Option<FloatHistogram> {
    if extent.count < 2.0 || extent.last_ms <= extent.first_ms {
        return None;
    }
    let is_counter = kind != Kind::Delta;
    let points = Points {
        times: window.histogram_times,
        starts: &[],
    };
    let result = histogram_rate(window, points, None, is_counter, notes)?;
    let first = window.histograms.first()?.count;
    let to_zero = (is_counter && result.count > 0.0 && first >= 0.0).then(|| first / result.count);
    Some(scaled(&result, extrapolation(extent, None, to_zero, kind)))
}

/// The factor that extends a difference between samples to the whole window. `began` is where the
/// counter was zero if that is known; `to_zero` is else an estimate, in sampled intervals before
/// the first sample.
fn extrapolation(extent: Extent, began: Option<i64>, to_zero: Option<f64>, kind: Kind) -> f64 {
    let mut reach = Reach::new(extent);
    if let Some(began) = began {
        reach.sampled = seconds(extent.last_ms - began);
        reach.to_start = 0.0;
        return reach.factor(None, kind);
    }
    reach.factor(to_zero, kind)
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// How far the samples of a window reach and how far their difference is extended, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Between the first and the last sample.
    pub(super) sampled: f64,
    /// Before the first sample.
    pub(super) to_start: f64,
    /// Behind the last sample.
    to_end: f64,
    /// Of the window.
    range: f64,
}

impl Reach {
    /// Of the samples of a window.
    pub(super) fn new(extent: Extent) -> Self {
        const THRESHOLD: f64 = 1.1;
        let Extent {
            start_ms,
            end_ms,
            first_ms: first,
            last_ms: last,
            count,
        } = extent;
        let average = if count > 1.0 {
            seconds(last - first) / (count - 1.0)
        } else {
            0.0
        };
        let near = |gap: f64| if gap >= average * THRESHOLD { average / 2.0 } else { gap };
        Self {
            sampled: seconds(last - first),
            to_start: near(seconds(first - start_ms)),
            to_end: near(seconds(end_ms - last)),
            range: seconds(end_ms - start_ms),
        }
    }

    /// What the difference is multiplied with. `to_zero` is where the counter was zero, in sampled
    /// intervals before the first sample.
    pub(super) fn factor(&self, to_zero: Option<f64>, kind: Kind) -> f64 {
        let to_start = match to_zero {
            Some(intervals) => self.to_start.min(self.sampled * intervals),
            None => self.to_start,
        };
        let factor = (self.sampled + to_start + self.to_end) / self.sampled;
        if kind == Kind::Rate {
            factor / self.range
        } else {
            factor
        }
    }
}

fn histogram_rate(
    window: &Window<'_>,
    times: Points<'_>,
    began: Option<i64>,
    is_counter: bool,
    notes: &mut Vec<Annotation>,
) -> Option<FloatHistogram> {
    let points = window.histograms;
    let mixed = || Annotation::MixedExponentialCustom(window.metric.to_owned());
    let (first, last) = (points.first()?, points.last()?);
    if is_counter && points.iter().any(|point| is_gauge(point)) {
        notes.push(Annotation::NativeHistogramNotCounter(window.metric.to_owned()));
    }
    let is_reset = |at: usize, previous: &FloatHistogram| times.reset_before(at) || detect_reset(&points[at], previous);
    let blank_like = |histogram: &FloatHistogram| FloatHistogram {
        schema: histogram.schema,
        custom_values: histogram.custom_values.clone(),
        ..FloatHistogram::default()
    };
    // A reset after the first sample makes its layout irrelevant.
    let restarted = is_counter && began.is_none() && is_reset(1, first);
    let blank = blank_like(if restarted { &points[1] } else { first });
    let base: &FloatHistogram = if restarted || began.is_some() { &blank } else { first };
    let relevant = if is_counter {
        &points[usize::from(points.len() > 1)..]
    } else {
        &points[points.len() - 1..]
    };
    if relevant.iter().any(|point| is_custom(point) != is_custom(base)) {
        notes.push(mixed());
        return None;
    }
    let schema = relevant.iter().map(|point| point.schema).fold(base.schema, i32::min);
    let mut result = to_schema(last, schema);
    let mut apply = |result: &mut FloatHistogram, other: &FloatHistogram, operation, name| {
        let Ok(combined) = combine(result, other, operation) else {
            notes.push(mixed());
            return None;
        };
        if combined.bounds_reconciled {
            notes.push(Annotation::MismatchedCustomBuckets(name));
        }
        *result = combined.histogram;
        Some(())
    };
    apply(&mut result, base, Operation::Sub, "subtraction")?;
    if is_counter {
        let mut previous: &FloatHistogram = if restarted { &blank } else { first };
        for (at, point) in points.iter().enumerate().skip(1) {
            if is_reset(at, previous) {
                apply(&mut result, previous, Operation::Add, "addition")?;
            }
            previous = point;
        }
    } else if !(is_gauge(first) && is_gauge(last)) {
        notes.push(Annotation::NativeHistogramNotGauge(window.metric.to_owned()));
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    Some(compacted(result))
}

/// `irate` and `idelta`: from the last two samples.
pub(crate) fn instant(window: &Window<'_>, is_rate: bool, notes: &mut Vec<Annotation>) -> Option<MetricValue> {
    let [before, after] = window.last_two()?;
    let interval = (after.time_ms - before.time_ms) as f64 / 1000.0;
    if interval == 0.0 {
        return None;
    }
    let restarted = start::is_reset(before.started(), after.started());
    match (before.value, after.value) {
        (MetricValue::Float(before), MetricValue::Float(after)) => {
            let difference = if is_rate && (after < before || restarted) {
                after
            } else {
                after - before
            };
            Some(MetricValue::Float(if is_rate {
                difference / interval
            } else {
                difference
            }))
        }
        (MetricValue::Histogram(before), MetricValue::Histogram(after)) => {
            let gauges = [is_gauge(&before), is_gauge(&after)];
            if is_rate && gauges.contains(&true) {
                notes.push(Annotation::NativeHistogramNotCounter(window.metric.to_owned()));
            }
            if !is_rate && gauges.contains(&false) {
                notes.push(Annotation::NativeHistogramNotGauge(window.metric.to_owned()));
            }
            let mut result = (*after).clone();
            if !is_rate || !(restarted || detect_reset(&after, &before)) {
                let Ok(combined) = combine(&after, &before, Operation::Sub) else {
                    notes.push(Annotation::MixedExponentialCustom(window.metric.to_owned()));
                    return None;
                };
                if combined.bounds_reconciled {
                    notes.push(Annotation::MismatchedCustomBuckets("subtraction"));
                }
                result = combined.histogram;
            }
            result.counter_reset_hint = CounterResetHint::Gauge;
            result = compacted(result);
            Some(MetricValue::Histogram(Arc::new(if is_rate {
                divided(&result, interval)
            } else {
                result
            })))
        }
        _ => {
            notes.push(Annotation::MixedFloatsHistograms(window.metric.to_owned()));
            None
        }
    }
}
