//! What is sure of the labels of an expression's series.

use std::collections::{BTreeMap, BTreeSet};

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::Expr;
use skopos_promql::ast::{AggregateExpr, AggregateOp, BinaryExpr, Call, Cardinality, ValueType};

/// What is sure of the labels of series. The metric's name is no part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The only labels that there can be; `None` where there may be any.
    pub(super) only: Option<BTreeSet<String>>,
    /// Labels that have one value; an empty one is a label that is not there.
    pub(super) fixed: BTreeMap<String, String>,
}

impl Shape {
    fn of_selector(matchers: &[Matcher]) -> Self {
        let equal = matchers
            .iter()
            .filter(|matcher| matcher.op() == MatchOp::Equal && matcher.name() != METRIC_NAME);
        Self {
            only: None,
            fixed: equal
                .map(|matcher| (matcher.name().to_owned(), matcher.value().to_owned()))
                .collect(),
        }
    }

    fn none() -> Self {
        Self {
            only: Some(BTreeSet::new()),
            fixed: BTreeMap::new(),
        }
    }

    /// The one value of a label, if that is sure; an empty one where the label cannot be there.
    pub(super) fn value(&self, label: &str) -> Option<&str> {
        match &self.only {
            Some(only) if !only.contains(label) => Some(""),
            _ => self.fixed.get(label).map(String::as_str),
        }
    }

    fn keep(mut self, labels: &[String]) -> Self {
        let kept = labels.iter().filter(|label| self.value(label) != Some(""));
        let only: BTreeSet<String> = kept.cloned().collect();
        self.fixed.retain(|label, _| only.contains(label));
        self.only = Some(only);
        self
    }

    fn drop(mut self, labels: &[String]) -> Self {
        for label in labels {
            self.fixed.insert(label.clone(), String::new());
            if let Some(only) = &mut self.only {
                only.remove(label);
            }
        }
        self
    }

    /// A label that may be anything from now on.
    fn open(mut self, label: &str) -> Self {
        self.fixed.remove(label);
        if let Some(only) = &mut self.only {
            only.insert(label.to_owned());
        }
        self
    }

    fn either(self, other: Self) -> Self {
        let only = match (self.only, other.only) {
            (Some(a), Some(b)) => Some(a.union(&b).cloned().collect()),
            _ => None,
        };
        let mut fixed = self.fixed;
        fixed.retain(|label, value| other.fixed.get(label) == Some(value));
        Self { only, fixed }
    }
}

/// The shape of a vector's series; `None` of what is no vector.
pub(super) fn shape(expr: &Expr) -> Option<Shape> {
    match expr {
        Expr::Vector(selector) => Some(Shape::of_selector(&selector.matchers)),
        Expr::Matrix(matrix) => Some(Shape::of_selector(&matrix.selector.matchers)),
        Expr::Paren(paren) => shape(&paren.expr),
        Expr::Unary(unary) => shape(&unary.expr),
        Expr::Subquery(subquery) => shape(&subquery.expr),
        Expr::Aggregate(aggregate) => aggregated(aggregate),
        Expr::Call(call) => called(call),
        Expr::Binary(binary) => joined(binary),
        Expr::Number(_) | Expr::String(_) => None,
    }
}

fn aggregated(aggregate: &AggregateExpr) -> Option<Shape> {
    let inner = shape(&aggregate.expr)?;
    let selects = matches!(
        aggregate.op,
        AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
    );
    if selects {
        return Some(inner);
    }
    let grouped = if aggregate.without {
        inner.drop(&aggregate.grouping)
    } else {
        inner.keep(&aggregate.grouping)
    };
    match (aggregate.op, &aggregate.param) {
        (AggregateOp::CountValues, Some(Expr::String(label))) => Some(grouped.open(&label.value)),
        (AggregateOp::CountValues, _) => None,
        _ => Some(grouped),
    }
}

fn called(call: &Call) -> Option<Shape> {
    if call.function.returns != ValueType::Vector {
        return None;
    }
    let vector = call.args.iter().find_map(shape);
    let text = |index: usize| match call.args.get(index) {
        Some(Expr::String(text)) => Some(text.value.as_str()),
        _ => None,
    };
    match call.function.name {
        "label_replace" | "label_join" => Some(vector?.open(text(1)?)),
        "histogram_quantile" | "histogram_fraction" => Some(vector?.drop(&["le".to_owned()])),
        "vector" => Some(Shape::none()),
        "absent" | "absent_over_time" => Some(match call.args.first().map(Expr::unwrap_parens) {
            Some(Expr::Vector(_) | Expr::Matrix(_)) => {
                let fixed = vector?.fixed;
                Shape {
                    only: Some(fixed.keys().cloned().collect()),
                    fixed,
                }
            }
            _ => Shape::none(),
        }),
        // Takes labels from other series.
        "info" => Some(Shape::default()),
        _ if vector.is_none() => Some(Shape::none()),
        _ => vector,
    }
}

fn joined(binary: &BinaryExpr) -> Option<Shape> {
    let (lhs, rhs) = match (shape(&binary.lhs), shape(&binary.rhs)) {
        (Some(lhs), Some(rhs)) => (lhs, rhs),
        (one, other) => return one.or(other),
    };
    let matching = binary.matching.clone().unwrap_or_default();
    if binary.op.is_set() {
        return Some(if binary.op == skopos_promql::ast::BinaryOp::Or {
            lhs.either(rhs)
        } else {
            lhs
        });
    }
    let (many, one) = match matching.cardinality {
        Cardinality::OneToMany => (rhs, lhs),
        Cardinality::ManyToOne => (lhs, rhs),
        Cardinality::OneToOne | Cardinality::ManyToMany => {
            return Some(if matching.on {
                lhs.keep(&matching.labels)
            } else {
                lhs.drop(&matching.labels)
            });
        }
    };
    Some(
        matching
            .include
            .iter()
            .fold(many, |shape, label| match one.value(label) {
                Some("") => shape,
                _ => shape.open(label),
            }),
    )
}
