//! Series as columns over a grid of steps.

use super::MAX_STEPS;
use crate::{EvalError, LabelSet};

/// The times at which a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) start_ns: i64,
    step_ns: i64,
    pub(super) count: usize,
}

impl Steps {
    /// From the start to the end, both included.
    pub(super) fn new(start_ns: i64, end_ns: i64, step_ns: i64) -> Result<Self, EvalError> {
        let bad = |message: &str| Err(EvalError::BadParameter(message.to_owned()));
        if end_ns < start_ns {
            return bad("end timestamp must not be before or equal to start time");
        }
        if step_ns <= 0 {
            return bad("zero or negative query resolution step widths are not accepted. Try a positive integer");
        }
        let last = end_ns.saturating_sub(start_ns) / step_ns;
        if last > MAX_STEPS {
            return bad(
                "exceeded maximum resolution of 11,000 points per time series. Try decreasing the query resolution (?step=XX)",
            );
        }
        Ok(Self {
            start_ns,
            step_ns,
            count: last as usize + 1,
        })
    }

    /// One time.
    pub(super) fn instant(time_ns: i64) -> Self {
        Self {
            start_ns: time_ns,
            step_ns: 1,
            count: 1,
        }
    }

    /// The time of a step.
    pub(super) fn time(&self, index: usize) -> i64 {
        self.start_ns.saturating_add(self.step_ns.saturating_mul(index as i64))
    }

    /// The last time.
    pub(super) fn end_ns(&self) -> i64 {
        self.time(self.count - 1)
    }

    /// The steps whose window of `range_ns` up to and including the step holds `time_ns`, as a
    /// half-open range of indexes.
    pub(super) fn covering(&self, time_ns: i64, range_ns: i64) -> (usize, usize) {
        let (time, start, step) = (i128::from(time_ns), i128::from(self.start_ns), i128::from(self.step_ns));
        let count = self.count as i128;
        let first = (time - start + step - 1).div_euclid(step);
        let end = (time - start + i128::from(range_ns) - 1).div_euclid(step) + 1;
        let (first, end) = (first.clamp(0, count), end.clamp(0, count));
        (first as usize, end.max(first) as usize)
    }
}

/// A series: a point or none for each step.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) labels: LabelSet,
    pub(super) points: Vec<Option<f64>>,
}

impl Column {
    pub(super) fn empty(labels: LabelSet, steps: usize) -> Self {
        Self {
            labels,
            points: vec![None; steps],
        }
    }

    pub(super) fn has_points(&self) -> bool {
        self.points.iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_open_at_their_start() {
        let steps = Steps::new(0, 100, 10).expect("valid");
        assert_eq!(steps.count, 11);
        // A sample at 10 is in the windows (t-20, t] of steps 10 and 20, not of 30.
        assert_eq!(steps.covering(10, 20), (1, 3));
        assert_eq!(steps.covering(11, 20), (2, 4));
        assert_eq!(steps.covering(-5, 5), (0, 0));
        assert_eq!(steps.covering(-5, 6), (0, 1));
        assert_eq!(steps.covering(101, 50), (11, 11));
        assert!(Steps::new(0, 10, 0).is_err() && Steps::new(0, 11_001, 1).is_err() && Steps::new(1, 0, 1).is_err());
    }
}
