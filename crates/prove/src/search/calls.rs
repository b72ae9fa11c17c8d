//! Functions: what their argument must be for the result to be what is asked.

use skopos_promql::ast::Call;
use skopos_promql::{Expr, ValueType};

use super::{Attempt, Goal, Halt, Measure, Outcome, Search, Wish, is_constant, moves_out};
use crate::key::Key;
use crate::range::Range;
use crate::variable::seconds;

impl<'a> Search<'a> {
    pub(super) fn aim_call(&mut self, expr: &'a Expr, call: &'a Call, range: Range, goal: Goal, key: &Key) -> Outcome {
        if is_constant(expr) {
            return self.aim_constant(expr, goal, key);
        }
        match call.function.name {
            "absent" | "absent_over_time" => self.aim_absent(expr, call, range, goal),
            "histogram_quantile" => self.aim_quantile(expr, call, range, goal, key),
            "histogram_avg" | "histogram_count" | "histogram_fraction" | "histogram_stddev" | "histogram_stdvar"
            | "histogram_sum" => self.aim_native(expr, call, range, goal, key),
            "label_replace" => self.aim_label_replace(expr, call, goal, key),
            "label_join" => self.aim_label_join(expr, call, goal, key),
            "timestamp" => self.aim_timestamp(expr, call, range, goal, key),
            "scalar" => self.aim(&call.args[0], goal, &Key::default()),
            "vector" | "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" | "info" => {
                self.aim(&call.args[0], goal, key)
            }
            "abs" => {
                let sides = [range, range.negate()];
                let ranges = sides
                    .into_iter()
                    .zip([Range::NOT_NEGATIVE, Range::NOT_NEGATIVE.negate()]);
                let ranges = ranges.filter_map(|(range, side)| range.meet(side)).collect();
                self.aim_argument(expr, call, ranges, goal, key)
            }
            "clamp" | "clamp_min" | "clamp_max" => self.aim_clamp(expr, call, range, goal, key),
            _ if call.args.iter().any(|arg| arg.value_type() == ValueType::Matrix) => {
                self.aim_range_function(expr, call, range, goal, key)
            }
            name => match argument_range(name, range) {
                Some(argument) => self.aim_argument(expr, call, vec![argument], goal, key),
                None => self.aim_argument(expr, call, vec![Range::ALL], goal, key),
            },
        }
    }

    /// The first argument must lie within one of these ranges.
    pub(super) fn aim_argument(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        ranges: Vec<Range>,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let Some(argument) = call.args.first() else {
            return self.aim_constant(expr, goal, key);
        };
        let mut ranges = ranges;
        ranges.retain(|range| !range.is_empty());
        if ranges.is_empty() {
            let why = format!("{} never gives such a value", call.function.name);
            return Err(self.stuck_at(expr, &why));
        }
        self.aim_part(expr, argument, ranges, goal, key)
    }

    fn aim_absent(&mut self, expr: &'a Expr, call: &'a Call, range: Range, goal: Goal) -> Outcome {
        if !range.contains(1.0) {
            return Err(self.stuck_at(expr, "`absent` is always 1"));
        }
        self.aim_inside(&call.args[0], goal, Wish::Never(Range::ALL))
    }

    fn aim_clamp(&mut self, expr: &'a Expr, call: &'a Call, range: Range, goal: Goal, key: &Key) -> Outcome {
        let mut bounds = Vec::new();
        for argument in &call.args[1..] {
            match self.constant(argument, goal)? {
                Some(bound) => bounds.push(bound),
                None => return self.aim(&call.args[0], goal.present(range), key),
            }
        }
        let limits = match (call.function.name, bounds.as_slice()) {
            ("clamp_min", [least, ..]) => Range::closed(*least, f64::INFINITY),
            ("clamp_max", [most, ..]) => Range::closed(f64::NEG_INFINITY, *most),
            (_, [least, most, ..]) => Range::closed(*least, *most),
            _ => Range::ALL,
        };
        let Some(within) = range.meet(limits) else {
            return Err(self.stuck_at(
                expr,
                "the value is clamped to numbers that do not satisfy what is asked",
            ));
        };
        // At a limit everything beyond it serves as well.
        let open = Range {
            lo: if within.contains(limits.lo) {
                f64::NEG_INFINITY
            } else {
                within.lo
            },
            hi: if within.contains(limits.hi) {
                f64::INFINITY
            } else {
                within.hi
            },
            ..within
        };
        self.aim_argument(expr, call, vec![within, open], goal, key)
    }

    fn aim_timestamp(&mut self, expr: &'a Expr, call: &'a Call, range: Range, goal: Goal, key: &Key) -> Outcome {
        let Expr::Vector(selector) = call.args[0].unwrap_parens() else {
            // Of anything but a selector it is the time of evaluation.
            self.aim(&call.args[0], goal.present(Range::ALL), key)?;
            return self.aim_constant(expr, goal, key);
        };
        let inner = Goal {
            measure: Measure::Time,
            ..goal.present(range)
        };
        self.aim_series(selector, inner, key, Some((expr, goal)))
    }

    /// The value of an expression that reads no series.
    pub(super) fn constant(&mut self, expr: &'a Expr, goal: Goal) -> Result<Option<f64>, Halt> {
        if !is_constant(expr) {
            return Ok(None);
        }
        let at_ms = self.context.times.first_ms - goal.shift_ms;
        Ok(self.evaluate(expr, at_ms)?.first().map(|element| element.value))
    }

    /// A function of a window of samples.
    fn aim_range_function(&mut self, expr: &'a Expr, call: &'a Call, range: Range, goal: Goal, key: &Key) -> Outcome {
        let Some(argument) = call.args.iter().find(|arg| arg.value_type() == ValueType::Matrix) else {
            return Err(Halt::Stuck);
        };
        let window_ms = match argument.unwrap_parens() {
            Expr::Matrix(matrix) => matrix.range.ms,
            Expr::Subquery(subquery) => subquery.range.ms,
            _ => 0,
        };
        let Some((measure, range)) = self.measured(call, range, goal, window_ms)? else {
            let why = format!("{} never gives such a value", call.function.name);
            return Err(self.stuck_at(expr, &why));
        };
        let inner = Goal {
            measure,
            window_ms: goal.window_ms + window_ms,
            ..goal.present(range)
        };
        match argument.unwrap_parens() {
            Expr::Matrix(matrix) => self.aim_series(&matrix.selector, inner, key, Some((expr, goal))),
            Expr::Subquery(subquery) => {
                let inner = Goal {
                    shift_ms: goal.shift_ms + subquery.offset.ms,
                    ..inner
                };
                let attempts: Vec<Attempt<'_, 'a>> =
                    vec![Box::new(move |search| search.aim(&subquery.expr, inner, key))];
                self.try_each(expr, goal, key, attempts)
            }
            _ => Err(Halt::Stuck),
        }
    }

    /// What a function measures of its window, and the range of that; `None` where the function
    /// never gives such a value.
    fn measured(
        &mut self,
        call: &'a Call,
        range: Range,
        goal: Goal,
        window_ms: i64,
    ) -> Result<Option<(Measure, Range)>, Halt> {
        let times = &self.context.times;
        // Where a long window is filled in part, less is counted than the slope says.
        let filled_ms = window_ms.min(times.first_ms - times.start_ms - goal.shift_ms).max(1);
        let (window_s, filled_s) = (seconds(window_ms.max(1)), seconds(filled_ms));
        let not_negative = range.meet(Range::NOT_NEGATIVE);
        Ok(match call.function.name {
            "rate" => not_negative.map(|range| (Measure::Slope, range.scale(window_s / filled_s))),
            "irate" => not_negative.map(|range| (Measure::Slope, range)),
            "increase" => not_negative.map(|range| (Measure::Slope, range.scale(1.0 / filled_s))),
            "deriv" => Some((Measure::Slope, range)),
            "delta" => Some((Measure::Slope, range.scale(1.0 / filled_s))),
            "idelta" => Some((Measure::Slope, range.scale(1.0 / seconds(self.state.step_ms)))),
            "changes" => not_negative.map(|range| (Measure::Changes, range)),
            "resets" => not_negative.map(|range| (Measure::Resets, range)),
            "count_over_time" => range
                .meet(Range::closed(1.0, f64::INFINITY))
                .map(|range| (Measure::Count, range)),
            "sum_over_time" => Some((Measure::Sum, range)),
            "present_over_time" => range.contains(1.0).then_some((Measure::Level, Range::ALL)),
            "stddev_over_time" => not_negative.map(|range| (Measure::Spread, range)),
            "stdvar_over_time" => not_negative.map(|range| (Measure::Spread, range.map(f64::sqrt))),
            "predict_linear" => {
                let ahead = self.constant(&call.args[1], goal)?.unwrap_or(0.0);
                Some((Measure::Predicted(ahead), range))
            }
            // The mean, extremes, quantiles and the last of samples that are all alike.
            _ => Some((Measure::Level, range)),
        })
    }

    /// A function of a window must give nothing of the range.
    pub(super) fn aim_never_in_range(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let mut attempts = moves_out(expr, range, goal, key);
        for argument in &call.args {
            if argument.value_type() == ValueType::Matrix {
                attempts.push(Box::new(move |search| {
                    search.aim_inside(argument, goal, Wish::Never(Range::ALL))
                }));
            }
        }
        self.try_each(expr, goal, key, attempts)
    }
}

/// The arguments for which a rising function of one value gives a value of `range`; `None` for
/// functions that are not inverted.
fn argument_range(name: &str, range: Range) -> Option<Range> {
    let not_negative = range.intersect(Range::NOT_NEGATIVE);
    Some(match name {
        "ceil" => Range {
            lo: range.lo.ceil()
                - if range.lo_open || range.lo.fract() != 0.0 {
                    0.0
                } else {
                    1.0
                },
            hi: range.hi.floor(),
            lo_open: true,
            hi_open: range.hi_open && range.hi.fract() == 0.0,
        },
        "floor" => Range {
            lo: if range.lo_open {
                range.lo.floor() + 1.0
            } else {
                range.lo.ceil()
            },
            hi: range.hi.floor()
                + if range.hi_open && range.hi.fract() == 0.0 {
                    0.0
                } else {
                    1.0
                },
            lo_open: false,
            hi_open: true,
        },
        "round" => range,
        "sgn" => {
            if range.contains(1.0) {
                Range::above(0.0)
            } else if range.contains(-1.0) {
                Range::below(0.0)
            } else {
                Range::point(0.0)
            }
        }
        "sqrt" => not_negative.map(|value| value * value),
        "exp" => not_negative.map(f64::ln),
        "ln" => range.map(f64::exp),
        "log2" => range.map(f64::exp2),
        "log10" => range.map(|value| 10f64.powf(value)),
        "deg" => range.map(f64::to_radians),
        "rad" => range.map(f64::to_degrees),
        _ => return None,
    })
}
