//! Checks of a parsed query: selectors that select something, stages that can be built.

use skopos_core::Matcher;

use crate::ParseError;
use crate::ast::{Expr, LogExpr, MetricExpr, Stage};
use crate::pipeline::Pipeline;

const EMPTY_SELECTOR: &str = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

pub(super) fn check(expr: &Expr) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => {
            check_selector(&log.matchers)?;
            // `ip()` behind a regex operator is refused when the query runs, as in Loki.
            let stages: Vec<Stage> = log
                .stages
                .iter()
                .filter(|s| !matches!(s, Stage::LineFilter(_)))
                .cloned()
                .collect();
            check_stages(&stages)
        }
        Expr::Metric(metric) => check_metric(metric),
    }
}

fn check_metric(expr: &MetricExpr) -> Result<(), ParseError> {
    match expr {
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => Ok(()),
        MetricExpr::Range(range) => check_log(&range.log),
        MetricExpr::Aggregate(aggregate) => check_metric(&aggregate.expr),
        MetricExpr::LabelReplace(replace) => check_metric(&replace.expr),
        MetricExpr::Binary(binary) => check_metric(&binary.left).and_then(|()| check_metric(&binary.right)),
    }
}

fn check_log(log: &LogExpr) -> Result<(), ParseError> {
    check_selector(&log.matchers)?;
    check_stages(&log.stages)
}

fn check_selector(matchers: &[Matcher]) -> Result<(), ParseError> {
    if matchers.iter().any(|matcher| !matcher.matches_empty()) {
        return Ok(());
    }
    Err(ParseError::whole(EMPTY_SELECTOR))
}

fn check_stages(stages: &[Stage]) -> Result<(), ParseError> {
    Pipeline::compile(stages)
        .map(|_| ())
        .map_err(|error| ParseError::whole(error.to_string()))
}
