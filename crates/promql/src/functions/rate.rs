//! `rate`, `increase`, `delta` and their instant forms, on the samples of one window.

use std::sync::Arc;

use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::metric::MetricValue;

use crate::annotation::Annotation;
use crate::eval::Window;
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
    if window.histograms.len() > 1 {
        let result = histogram_rate(window, is_counter, notes)?;
        let first = window.histograms[0].count;
        let to_zero = (is_counter && result.count > 0.0 && first >= 0.0).then(|| first / result.count);
        let factor = extrapolation(window, window.histogram_times, to_zero, kind)?;
        return Some(MetricValue::Histogram(Arc::new(scaled(&result, factor))));
    }
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let mut result = last - first;
    if is_counter {
        let resets = window.values.windows(2).filter(|pair| pair[1] < pair[0]);
        result += resets.map(|pair| pair[0]).sum::<f64>();
    }
    let to_zero = (is_counter && result > 0.0 && first >= 0.0).then(|| first / result);
    let factor = extrapolation(window, window.times, to_zero, kind)?;
    Some(MetricValue::Float(result * factor))
}

/// The factor that extends a difference between samples to the whole window. `to_zero` is how
/// many sampled intervals before the first sample the counter was zero.
fn extrapolation(window: &Window<'_>, times: &[i64], to_zero: Option<f64>, kind: Kind) -> Option<f64> {
    const THRESHOLD: f64 = 1.1;
    let (first, last) = (*times.first()?, *times.last()?);
    if times.len() < 2 {
        return None;
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let sampled = seconds(last - first);
    let average = sampled / (times.len() - 1) as f64;
    let near = |gap: f64| if gap >= average * THRESHOLD { average / 2.0 } else { gap };
    let mut to_start = near(seconds(first - window.start_ms));
    if let Some(intervals) = to_zero {
        to_start = to_start.min(sampled * intervals);
    }
    let to_end = near(seconds(window.end_ms - last));
    let factor = (sampled + to_start + to_end) / sampled;
    Some(if kind == Kind::Rate {
        factor / seconds(window.end_ms - window.start_ms)
    } else {
        factor
    })
}

fn histogram_rate(window: &Window<'_>, is_counter: bool, notes: &mut Vec<Annotation>) -> Option<FloatHistogram> {
    let points = window.histograms;
    let mixed = || Annotation::MixedExponentialCustom(window.metric.to_owned());
    let (first, last) = (points.first()?, points.last()?);
    let has_gauge = points.iter().any(|point| is_gauge(point));
    if is_counter && has_gauge {
        notes.push(Annotation::NativeHistogramNotCounter(window.metric.to_owned()));
    }
    if !(is_counter || is_gauge(first) && is_gauge(last)) {
        notes.push(Annotation::NativeHistogramNotGauge(window.metric.to_owned()));
    }
    // A reset after the first sample makes its layout irrelevant.
    let restarted = is_counter && detect_reset(&points[1], first);
    let blank = FloatHistogram {
        schema: points[1].schema,
        custom_values: points[1].custom_values.clone(),
        ..FloatHistogram::default()
    };
    let mut previous: &FloatHistogram = if restarted { &blank } else { first };
    let relevant = if is_counter {
        &points[1..]
    } else {
        &points[points.len() - 1..]
    };
    if relevant.iter().any(|point| is_custom(point) != is_custom(previous)) {
        notes.push(mixed());
        return None;
    }
    let schema = relevant
        .iter()
        .map(|point| point.schema)
        .fold(previous.schema, i32::min);
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
    apply(&mut result, previous, Operation::Sub, "subtraction")?;
    if is_counter {
        for point in &points[1..] {
            if detect_reset(point, previous) {
                apply(&mut result, previous, Operation::Add, "addition")?;
            }
            previous = point;
        }
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    Some(compacted(result))
}

/// `irate` and `idelta`: from the last two samples.
pub(crate) fn instant(window: &Window<'_>, is_rate: bool, notes: &mut Vec<Annotation>) -> Option<MetricValue> {
    let [before, after] = window.last_two()?;
    let interval = (after.0 - before.0) as f64 / 1000.0;
    if interval == 0.0 {
        return None;
    }
    match (before.1, after.1) {
        (MetricValue::Float(before), MetricValue::Float(after)) => {
            let difference = if is_rate && after < before {
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
            if !is_rate || !detect_reset(&after, &before) {
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
