//! When the virtual clock of a proof starts: at the Unix epoch, as promtool's does, or later where
//! the expression asks for an hour, a day, or an age.

use skopos_core::QueryBudget;
use skopos_promql::{Engine, Expr, ValueType};

use crate::search::{elements, is_constant};
use crate::state::Store;
use crate::timeline::Timeline;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Ages for which a later start makes room.
const AGES_MS: &[i64] = &[DAY_MS, 8 * DAY_MS, 31 * DAY_MS, 366 * DAY_MS];
/// Starts that are tried.
const MAX_STARTS: usize = 6;

/// The starts worth trying, the epoch first.
pub(crate) fn starts_ms(engine: &Engine, expr: &Expr, times: &Timeline) -> Vec<i64> {
    let mut calls = Vec::new();
    time_calls(expr, &mut calls);
    let mut starts = vec![0];
    if calls.iter().any(|name| *name != "time" && *name != "timestamp") {
        starts = calendar_starts(engine, expr, times);
    } else if !calls.is_empty() {
        starts.extend(AGES_MS);
    }
    starts.truncate(MAX_STARTS);
    starts
}

/// Whether an expression asks when a sample was taken.
pub(crate) fn asks_for_ages(expr: &Expr) -> bool {
    let mut calls = Vec::new();
    time_calls(expr, &mut calls);
    calls.contains(&"timestamp")
}

fn time_calls(expr: &Expr, found: &mut Vec<&'static str>) {
    if let Expr::Call(call) = expr
        && matches!(
            call.function.name,
            "time"
                | "timestamp"
                | "hour"
                | "minute"
                | "month"
                | "year"
                | "day_of_week"
                | "day_of_month"
                | "day_of_year"
                | "days_in_month"
        )
    {
        found.push(call.function.name);
    }
    expr.children().into_iter().for_each(|child| time_calls(child, found));
}

/// Starts at which different conditions on the calendar hold, those with the most of them first.
fn calendar_starts(engine: &Engine, expr: &Expr, times: &Timeline) -> Vec<i64> {
    let mut conditions = Vec::new();
    calendar_conditions(expr, &mut conditions);
    let hours = (0..7 * 24).map(|hour| hour * HOUR_MS);
    let days = (7..366).map(|day| day * DAY_MS);
    let mut found: Vec<(Vec<bool>, i64)> = Vec::new();
    for start_ms in hours.chain(days) {
        let holds = |condition: &&Expr| {
            times
                .looks_ms()
                .iter()
                .all(|at_ms| has_result(engine, condition, start_ms + at_ms))
        };
        let pattern: Vec<bool> = conditions.iter().map(holds).collect();
        if !found.iter().any(|(known, _)| *known == pattern) {
            found.push((pattern, start_ms));
        }
    }
    found.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.iter().filter(|holds| **holds).count()));
    found.into_iter().map(|(_, start_ms)| start_ms).collect()
}

/// The largest parts that read no series and may have no result.
fn calendar_conditions<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    if is_constant(expr) && expr.value_type() == ValueType::Vector {
        found.push(expr);
        return;
    }
    expr.children()
        .into_iter()
        .for_each(|child| calendar_conditions(child, found));
}

fn has_result(engine: &Engine, expr: &Expr, at_ms: i64) -> bool {
    let budget = QueryBudget::unbounded();
    let output = engine.instant_expr(&Store::default(), "", expr, at_ms, &budget);
    output.is_ok_and(|output| !elements(output.value).is_empty())
}
