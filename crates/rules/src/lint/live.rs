//! Names that a running server does not have.

use std::collections::BTreeSet;

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

use super::{Check, Lint, LintedFile};
use crate::file::RuleKind;
use crate::query::QueryLanguage;

/// Series that rules make without being named so.
const OF_ALERTS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// What a running server knows.
pub trait LiveData {
    /// Whether there is such a metric.
    fn has_metric(&self, metric: &str) -> bool;

    /// Names of the labels of a metric's series; `None` where that is not known.
    fn labels(&self, metric: &str) -> Option<BTreeSet<String>>;

    /// The metrics whose names are most like this one.
    fn nearest_metrics(&self, metric: &str) -> Vec<String>;

    /// Those of `labels` that are most like this one.
    fn nearest_labels(&self, label: &str, labels: &BTreeSet<String>) -> Vec<String>;
}

/// The metrics that the rules of the files make.
pub(super) fn made<'a>(files: &[LintedFile<'a>]) -> BTreeSet<&'a str> {
    let groups = files.iter().flat_map(|file| &file.file.groups);
    let rules = groups.flat_map(|group| &group.rules);
    let recorded = rules.filter(|rule| rule.kind == RuleKind::Recording);
    recorded.map(|rule| rule.name.as_str()).chain(OF_ALERTS).collect()
}

/// The metrics that an expression asks for by name, sorted; of LogQL none.
pub(super) fn asked(selector: &VectorSelector) -> Option<&str> {
    let on_name = |matcher: &&Matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal;
    selector.matchers.iter().find(on_name).map(Matcher::value)
}

impl Check<'_> {
    pub(super) fn names(&mut self, expr: &Expr, live: &dyn LiveData, made: &BTreeSet<&str>) {
        if self.spec.language != QueryLanguage::PromQl {
            return;
        }
        match expr {
            Expr::Vector(selector) => self.selector(expr, selector, live, made),
            Expr::Matrix(matrix) => self.selector(expr, &matrix.selector, live, made),
            other => {
                for child in other.children() {
                    self.names(child, live, made);
                }
            }
        }
    }

    fn selector(&mut self, part: &Expr, selector: &VectorSelector, live: &dyn LiveData, made: &BTreeSet<&str>) {
        let Some(metric) = asked(selector).filter(|metric| !made.contains(metric)) else {
            return;
        };
        if !live.has_metric(metric) {
            let nearest = or_none(&live.nearest_metrics(metric));
            let message = format!("the server has no metric {metric:?}{nearest}");
            return self.add_at(Lint::UnknownMetric, part, message);
        }
        let Some(labels) = live.labels(metric) else {
            return;
        };
        let unknown = selector.matchers.iter().filter(|matcher| {
            matcher.name() != METRIC_NAME && !matcher.matches_empty() && !labels.contains(matcher.name())
        });
        for matcher in unknown {
            let nearest = or_none(&live.nearest_labels(matcher.name(), &labels));
            let message = format!("no series of {metric:?} has a label {:?}{nearest}", matcher.name());
            self.add_at(Lint::UnknownLabel, part, message);
        }
    }
}

fn or_none(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; the nearest are {}", names.join(", ")),
    }
}
