//! Functions of range vectors: chosen once for a query, computed window by window.

use skopos_core::metric::MetricValue;

use super::EvalResult;
use super::window::Window;
use crate::annotation::Annotation;
use crate::eval_error::EvalError;
use crate::functions::extended::{self, Extension};
use crate::functions::over_time::{self, OverTime};
use crate::functions::rate::{self, Kind};

/// A function of range vectors, chosen once for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeFunction {
    Extrapolated(Kind),
    Irate,
    Idelta,
    OverTime(OverTime),
}

impl RangeFunction {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "rate" => Self::Extrapolated(Kind::Rate),
            "increase" => Self::Extrapolated(Kind::Increase),
            "delta" => Self::Extrapolated(Kind::Delta),
            "irate" => Self::Irate,
            "idelta" => Self::Idelta,
            name => Self::OverTime(OverTime::by_name(name)?),
        })
    }
}

/// The value of a window.
pub(super) fn value(
    function: RangeFunction,
    window: Window<'_>,
    extension: Option<Extension>,
    params: &[f64],
    notes: &mut Vec<Annotation>,
) -> EvalResult<Option<MetricValue>> {
    match extension {
        Some(extension) => evaluate_extended(function, window, extension, notes),
        None => evaluate(function, &window, params, notes),
    }
}

fn evaluate(
    function: RangeFunction,
    window: &Window<'_>,
    params: &[f64],
    notes: &mut Vec<Annotation>,
) -> EvalResult<Option<MetricValue>> {
    Ok(match function {
        RangeFunction::Extrapolated(kind) => rate::extrapolated(window, kind, notes),
        RangeFunction::Irate => rate::instant(window, true, notes),
        RangeFunction::Idelta => rate::instant(window, false, notes),
        RangeFunction::OverTime(function) => {
            over_time::evaluate(function, window, params, notes).map_err(EvalError::execution)?
        }
    })
}

fn evaluate_extended(
    function: RangeFunction,
    window: Window<'_>,
    extension: Extension,
    notes: &mut Vec<Annotation>,
) -> EvalResult<Option<MetricValue>> {
    refuse_histograms(&window)?;
    if let RangeFunction::Extrapolated(kind) = function {
        return Ok(extended::difference(&window, extension, kind).map(MetricValue::Float));
    }
    let Some(first) = extended::anchor(&window) else {
        return Ok(None);
    };
    let anchored = Window {
        times: &window.times[first..],
        values: &window.values[first..],
        starts: window.starts.get(first..).unwrap_or_default(),
        ..window
    };
    evaluate(function, &anchored, &[], notes)
}

pub(super) fn refuse_histograms(window: &Window<'_>) -> EvalResult<()> {
    if window.histograms.is_empty() {
        return Ok(());
    }
    let message = "smoothed and anchored modifiers do not work with native histograms";
    Err(EvalError::execution(message))
}
