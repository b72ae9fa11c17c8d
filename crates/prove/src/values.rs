//! The `values` notation of promtool's unit tests: `1+2x3`, `0x5`, `_x2`.

use std::fmt::Write as _;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::Series;
use skopos_promql::notation::format_histogram;
use skopos_promql::number::format_plain;

/// A run of samples on the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Run {
    /// Steps without a sample.
    Gap(u64),
    /// A first value, what is added each time, and how often.
    Values { first: f64, by: f64, times: u64 },
}

/// The samples of a series from time 0 on, one step apart: all floats, or all histograms of one
/// shape.
pub(crate) fn notation(series: &Series, step_ms: i64) -> String {
    let mut histograms = series.histograms.iter();
    if let Some(last) = series.histograms.last() {
        let model = histograms.find(|histogram| histogram.count != 0.0).unwrap_or(last);
        let counts = series.histograms.iter().map(|histogram| histogram.count);
        let runs = runs_of(series.histogram_timestamps_ms.iter().copied().zip(counts), step_ms);
        return written(&runs, &|count| format_histogram(&with_count(model, count)));
    }
    let values = series.values.iter().copied();
    let runs = runs_of(series.timestamps_ms.iter().copied().zip(values), step_ms);
    written(&runs, &number)
}

/// The histogram with as many observations, spread as they are.
fn with_count(model: &FloatHistogram, count: f64) -> FloatHistogram {
    let factor = if model.count == 0.0 { 0.0 } else { count / model.count };
    let mut histogram = model.clone();
    histogram.count = count;
    histogram.sum = plain(histogram.sum * factor);
    histogram.zero_count = plain(histogram.zero_count * factor);
    let buckets = histogram.positive_buckets.iter_mut();
    for bucket in buckets.chain(&mut histogram.negative_buckets) {
        *bucket = plain(*bucket * factor);
    }
    histogram
}

fn runs_of(samples: impl Iterator<Item = (i64, f64)>, step_ms: i64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut next_ms = 0;
    for (at_ms, value) in samples {
        let gap = (at_ms - next_ms) / step_ms.max(1);
        if gap > 0 {
            runs.push(Run::Gap(gap.unsigned_abs()));
        }
        push(&mut runs, value);
        next_ms = at_ms + step_ms;
    }
    runs
}

fn written(runs: &[Run], show: &dyn Fn(f64) -> String) -> String {
    let mut text = String::new();
    for run in runs {
        if !text.is_empty() {
            text.push(' ');
        }
        write_run(&mut text, *run, show);
    }
    text
}

fn push(runs: &mut Vec<Run>, value: f64) {
    if let Some(Run::Values { first, by, times }) = runs.last_mut() {
        if *times == 0 && (*first == value || value.is_finite() && first.is_finite()) {
            *by = plain(value - *first);
            *times = 1;
            return;
        }
        let expected = (*times as f64 + 1.0).mul_add(*by, *first);
        let tolerance = 1e-9 * expected.abs().max(1.0);
        if expected == value || (expected - value).abs() <= tolerance && *by != 0.0 {
            *times += 1;
            return;
        }
        // Two values make a run of any step: the second may begin the next one instead.
        if *times == 1 && *by != 0.0 {
            let second = *first + *by;
            let single = Run::Values {
                first: *first,
                by: 0.0,
                times: 0,
            };
            let at = runs.len() - 1;
            runs[at] = single;
            runs.push(Run::Values {
                first: plain(second),
                by: 0.0,
                times: 0,
            });
            push(runs, value);
            return;
        }
    }
    runs.push(Run::Values {
        first: plain(value),
        by: 0.0,
        times: 0,
    });
}

/// The number without the noise of binary fractions.
fn plain(value: f64) -> f64 {
    let text = format!("{value:.11e}");
    text.parse().unwrap_or(value)
}

fn write_run(text: &mut String, run: Run, show: &dyn Fn(f64) -> String) {
    let written = match run {
        Run::Gap(1) => write!(text, "_"),
        Run::Gap(times) => write!(text, "_x{times}"),
        Run::Values { first, times: 0, .. } => write!(text, "{}", show(first)),
        Run::Values { first, by: 0.0, times } => write!(text, "{}x{times}", show(first)),
        Run::Values { first, by, times } => {
            let sign = if by < 0.0 { '-' } else { '+' };
            write!(text, "{}{sign}{}x{times}", show(first), show(by.abs()))
        }
    };
    written.expect("writing to a text does not fail");
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    format_plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(samples: &[(i64, f64)]) -> String {
        let series = Series {
            timestamps_ms: samples.iter().map(|(at, _)| at * 1000).collect(),
            values: samples.iter().map(|(_, value)| *value).collect(),
            ..Series::default()
        };
        notation(&series, 1000)
    }

    #[test]
    fn runs_are_short() {
        assert_eq!(text(&[(0, 1.0), (1, 1.0), (2, 1.0)]), "1x2");
        assert_eq!(
            text(&[(0, 0.0), (1, 60.0), (2, 120.0), (3, 120.0), (4, 120.0)]),
            "0+60x2 120x1"
        );
        assert_eq!(text(&[(2, 5.0), (3, 3.0), (4, 1.0)]), "_x2 5-2x2");
        assert_eq!(text(&[(0, 0.0), (1, 1.0), (2, 0.0), (3, 1.0)]), "0 1 0+1x1");
        assert_eq!(text(&[(0, 7.0), (2, 7.0)]), "7 _ 7");
        assert_eq!(text(&[]), "");
    }
}
