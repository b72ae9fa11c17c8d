//! The virtual time of one proof: when series begin, when the rule must hold, when the cause ends.

use skopos_promql::Expr;

/// Evaluations that a proof makes at most; longer waits are evaluated less often.
const MAX_EVALUATIONS: i64 = 2_500;
/// Samples of one series at most, unless short ranges ask for more.
const MAX_SAMPLES: i64 = 20_000;
/// The newest part of a window that [`Reach::Short`] fills.
const SHORT_WINDOW_MS: i64 = 15 * 60 * 1000;
/// Steps between samples that read well, in milliseconds.
const STEPS_MS: &[i64] = &[
    1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 240_000,
];

/// What sets the pace of a proof, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Time between evaluations.
    pub(crate) interval_ms: i64,
    /// How long the condition must hold.
    pub(crate) hold_ms: i64,
    /// How far back an instant selector looks.
    pub(crate) lookback_ms: i64,
    /// How much longer than it must the condition holds.
    pub(crate) spare: Spare,
}

/// Time beyond what a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spare {
    /// An evaluation before and after.
    Some,
    /// None, as an age does not last; samples may be as old as the lookback before it must hold.
    None,
}

/// The times of one proof, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit ends every name")]
pub(crate) struct Timeline {
    /// First sample and first evaluation.
    pub(crate) start_ms: i64,
    /// From here on every window of the expression is filled.
    pub(crate) first_ms: i64,
    /// Here the alert fires, if the expression held since `first_ms`.
    pub(crate) fire_ms: i64,
    /// Time between evaluations.
    pub(crate) interval_ms: i64,
    /// How far back the expression looks at most: after that nothing of a cause is left.
    pub(crate) flush_ms: i64,
    /// How far back an instant selector looks.
    pub(crate) lookback_ms: i64,
    /// How much longer than it must the condition holds.
    spare_ms: i64,
}

/// How much of a long window is filled before the rule must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Its newest part: enough for most functions, and cheaper.
    Short,
    /// All of it.
    Full,
}

impl Timeline {
    pub(crate) fn new(expr: &Expr, pace: Pace, reach: Reach, start_ms: i64) -> Self {
        let Pace {
            interval_ms,
            hold_ms,
            lookback_ms,
            spare,
        } = pace;
        let flush_ms = history_ms(expr, interval_ms, i64::MAX).max(0);
        let history_ms = match reach {
            Reach::Full => flush_ms,
            Reach::Short => history_ms(expr, interval_ms, SHORT_WINDOW_MS).max(0),
        };
        let (has_spare, aging_ms) = match spare {
            Spare::Some => (true, 0),
            Spare::None => (false, lookback_ms),
        };
        let history_ms = history_ms + aging_ms;
        let total_ms = history_ms + hold_ms;
        let stretch = (total_ms / interval_ms.max(1) / MAX_EVALUATIONS) + 1;
        let interval_ms = interval_ms.max(1) * stretch;
        let ceil = |ms: i64| (ms + interval_ms - 1) / interval_ms * interval_ms;
        let first_ms = start_ms + ceil(history_ms) + 2 * interval_ms;
        let spare_ms = if has_spare { interval_ms } else { 0 };
        Self {
            start_ms,
            first_ms,
            fire_ms: first_ms + ceil(hold_ms) + spare_ms,
            interval_ms,
            flush_ms,
            lookback_ms,
            spare_ms,
        }
    }

    /// How far back an expression looks at most.
    pub(crate) fn flush_of_ms(expr: &Expr, interval_ms: i64) -> i64 {
        history_ms(expr, interval_ms, i64::MAX)
    }

    /// The reaches worth trying.
    pub(crate) fn reaches(expr: &Expr, interval_ms: i64) -> &'static [Reach] {
        let full_ms = history_ms(expr, interval_ms, i64::MAX);
        let short_ms = history_ms(expr, interval_ms, SHORT_WINDOW_MS);
        if full_ms - short_ms > SHORT_WINDOW_MS {
            &[Reach::Short, Reach::Full]
        } else {
            &[Reach::Full]
        }
    }

    /// When the cause is taken away.
    pub(crate) fn cause_end_ms(&self) -> i64 {
        self.fire_ms + self.spare_ms
    }

    /// When nothing of the cause is left in any window.
    pub(crate) fn healed_ms(&self) -> i64 {
        let flush_ms = self.flush_ms + self.lookback_ms;
        self.cause_end_ms() + (flush_ms / self.interval_ms + 3) * self.interval_ms
    }

    /// The times at which a search looks.
    pub(crate) fn looks_ms(&self) -> [i64; 3] {
        let middle = self.first_ms + (self.fire_ms - self.first_ms) / 2 / self.interval_ms * self.interval_ms;
        [self.first_ms, middle, self.cause_end_ms()]
    }

    /// Time between samples: fine enough for the shortest range of the expression.
    pub(crate) fn sample_interval_ms(&self, expr: &Expr) -> i64 {
        let shortest_ms = shortest_range_ms(expr);
        let span_ms = self.fire_ms - self.start_ms;
        let mut plain = self.interval_ms.min(60_000);
        if self.spare_ms == 0 {
            plain /= 4;
        }
        let wanted_ms = shortest_ms.map_or(plain, |range_ms| (range_ms / 4).min(plain));
        let bound_ms = shortest_ms.map_or(self.lookback_ms * 4 / 5, |range_ms| range_ms / 2);
        let fewest_ms = (span_ms / MAX_SAMPLES).min(bound_ms.min(self.lookback_ms * 4 / 5));
        nice_step_ms(wanted_ms.max(fewest_ms))
    }
}

/// The longest step that reads well and is at most `wanted_ms`.
pub(crate) fn nice_step_ms(wanted_ms: i64) -> i64 {
    let fitting = STEPS_MS.iter().rev().find(|step_ms| **step_ms <= wanted_ms);
    fitting.copied().unwrap_or_else(|| wanted_ms.clamp(1, 1_000))
}

/// How far back the samples lie that an expression reads, windows counted up to `window_ms`.
fn history_ms(expr: &Expr, interval_ms: i64, window_ms: i64) -> i64 {
    match expr {
        Expr::Vector(selector) => selector.offset.ms,
        Expr::Matrix(matrix) => matrix.selector.offset.ms + matrix.range.ms.min(window_ms),
        Expr::Subquery(subquery) => {
            let step_ms = subquery.step.as_ref().map_or(interval_ms, |step| step.ms);
            let inner_ms = history_ms(&subquery.expr, interval_ms, window_ms);
            subquery.offset.ms + subquery.range.ms.min(window_ms) + step_ms + inner_ms
        }
        other => {
            let children = other.children().into_iter();
            let histories = children.map(|child| history_ms(child, interval_ms, window_ms));
            histories.max().unwrap_or(0)
        }
    }
}

fn shortest_range_ms(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Matrix(matrix) => Some(matrix.range.ms.max(1)),
        other => other.children().into_iter().filter_map(shortest_range_ms).min(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(query: &str, hold_ms: i64) -> (Timeline, i64) {
        let expr = skopos_promql::parse(query).expect("the query is valid");
        let pace = Pace {
            interval_ms: 60_000,
            hold_ms,
            lookback_ms: 300_000,
            spare: Spare::Some,
        };
        let timeline = Timeline::new(&expr, pace, Reach::Full, 0);
        let step_ms = timeline.sample_interval_ms(&expr);
        (timeline, step_ms)
    }

    #[test]
    fn windows_are_filled_before_the_rule_must_hold() {
        let (times, step_ms) = timeline("rate(x[5m] offset 1h) > 0", 600_000);
        assert_eq!(times.flush_ms, 3_900_000);
        assert!(times.first_ms >= times.flush_ms && times.fire_ms >= times.first_ms + 600_000);
        assert_eq!(step_ms, 60_000);
        assert_eq!(timeline("rate(x[1m]) > 0", 0).1, 15_000);
    }

    #[test]
    fn long_waits_are_evaluated_less_often() {
        let (times, _) = timeline("min_over_time(x[30d]) > 0", 0);
        assert!((times.fire_ms - times.start_ms) / times.interval_ms <= MAX_EVALUATIONS + 5);
    }
}
