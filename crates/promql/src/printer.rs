//! Expressions as text, in the canonical form of Prometheus on one line: `Display`. The form that
//! breaks long lines is in `printer/pretty.rs`.
//!
//! What is printed parses to the same tree. Comments, blanks and the order of matchers are not kept:
//! matchers are sorted as texts.

mod pretty;

use std::fmt::{self, Display, Formatter, Write};

use skopos_core::labels::{METRIC_NAME, is_legacy_label_name};
use skopos_core::{MatchOp, Matcher};

use crate::ast::{
    AggregateExpr, AtModifier, BinaryExpr, Call, Cardinality, DurationArg, DurationExpr, Expr, MatrixSelector,
    NumberLiteral, SubqueryExpr, VectorMatching, VectorSelector,
};
use crate::duration::{format_duration, milliseconds};
use crate::number::{format_plain, format_value};
use crate::quote::quote;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(aggregate) => aggregate.fmt(f),
            Self::Binary(binary) => write!(f, "{} {} {}", binary.lhs, Operator(binary), binary.rhs),
            Self::Call(call) => call.fmt(f),
            Self::Matrix(matrix) => matrix.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Paren(paren) => write!(f, "({})", paren.expr),
            Self::String(string) => f.write_str(&literal(&string.value)),
            Self::Subquery(subquery) => write!(f, "{}{}", subquery.expr, Suffix(subquery)),
            Self::Unary(unary) => write!(f, "{}{}", unary.op.as_str(), unary.expr),
            Self::Vector(selector) => selector.fmt(f),
        }
    }
}

impl Display for AggregateExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", Aggregation(self))?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

/// What an expression does itself, without its parts: an operator with its matching or grouping, a function's name, a
/// selector.
pub(crate) struct Operation<'a>(pub(crate) &'a Expr);

impl Display for Operation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Aggregate(aggregate) => f.write_str(Aggregation(aggregate).to_string().trim_end()),
            Expr::Binary(binary) => Operator(binary).fmt(f),
            Expr::Call(call) => f.write_str(call.function.name),
            Expr::Subquery(subquery) => Suffix(subquery).fmt(f),
            Expr::Unary(unary) => f.write_str(unary.op.as_str()),
            Expr::Paren(paren) => Operation(&paren.expr).fmt(f),
            Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => self.0.fmt(f),
        }
    }
}

/// The operator of an aggregation with its grouping, as it stands before the parenthesis.
struct Aggregation<'a>(&'a AggregateExpr);

impl Display for Aggregation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let aggregate = self.0;
        f.write_str(aggregate.op.as_str())?;
        let labels = LabelNames(&aggregate.grouping);
        match aggregate.without {
            true => write!(f, " without ({labels}) "),
            false if !aggregate.grouping.is_empty() => write!(f, " by ({labels}) "),
            false => Ok(()),
        }
    }
}

/// The operator of a binary expression with `bool` and its matching.
struct Operator<'a>(&'a BinaryExpr);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        if self.0.return_bool {
            f.write_str(" bool")?;
        }
        self.0.matching.as_ref().map_or(Ok(()), |matching| matching.fmt(f))
    }
}

impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if !self.labels.is_empty() || self.on || group.is_some() {
            let keyword = if self.on { "on" } else { "ignoring" };
            write!(f, " {keyword} ({})", LabelNames(&self.labels))?;
        }
        if let Some(group) = group {
            write!(f, " {group} ({})", LabelNames(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
                write!(f, " fill ({})", format_value(left))
            }
            (left, right) => {
                for (keyword, value) in [("fill_left", left), ("fill_right", right)] {
                    if let Some(value) = value {
                        write!(f, " {keyword} ({})", format_value(value))?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Names of labels with commas between them, quoted where they are not of the legacy form.
struct LabelNames<'a>(&'a [String]);

impl Display for LabelNames<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&label_name(name))?;
        }
        Ok(())
    }
}

fn label_name(name: &str) -> String {
    if is_legacy_label_name(name) {
        name.to_owned()
    } else {
        literal(name)
    }
}

/// A quoted text. The lexer refuses U+FFFD, which stands for bytes that are no text, unless it is
/// escaped.
fn literal(text: &str) -> String {
    quote(text).replace('\u{fffd}', "\\ufffd")
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name)?;
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            arg.fmt(f)?;
        }
        f.write_char(')')
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match milliseconds(self.value).filter(|_| self.is_duration) {
            Some(ms) => f.write_str(&format_duration(ms)),
            None => f.write_str(&format_plain(self.value)),
        }
    }
}

impl Display for DurationArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.expr {
            Some(expr) => expr.fmt(f),
            None => f.write_str(&format_duration(self.ms)),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::Negate(inner, _) => write!(f, "-{inner}"),
            Self::Binary(op, lhs, rhs) => write!(f, "{lhs} {op} {rhs}"),
            Self::MinOf(first, second, _) => write!(f, "min_of({first}, {second})"),
            Self::MaxOf(first, second, _) => write!(f, "max_of({first}, {second})"),
            Self::Paren(inner, _) => write!(f, "({inner})"),
        }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Bare(self))?;
        write_at(f, self.at)?;
        f.write_str(extension(self))?;
        write_offset(f, &self.offset)
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = &self.selector;
        write!(f, "{}[{}]{}", Bare(selector), self.range, extension(selector))?;
        write_at(f, selector.at)?;
        write_offset(f, &selector.offset)
    }
}

/// A selector without modifiers.
struct Bare<'a>(&'a VectorSelector);

impl Display for Bare<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = self.0;
        f.write_str(&selector.name)?;
        let is_name = |matcher: &&Matcher| {
            !selector.name.is_empty()
                && matcher.name() == METRIC_NAME
                && matcher.op() == MatchOp::Equal
                && matcher.value() == selector.name
        };
        let braced = selector.matchers.iter().filter(|matcher| !is_name(matcher));
        let mut texts: Vec<String> = braced.map(matcher_text).collect();
        texts.sort();
        match texts.is_empty() {
            // Only `info` takes a selector without name and matchers.
            true if selector.name.is_empty() => f.write_str("{}"),
            true => Ok(()),
            false => write!(f, "{{{}}}", texts.join(",")),
        }
    }
}

fn matcher_text(matcher: &Matcher) -> String {
    let (name, op) = (label_name(matcher.name()), matcher.op().as_str());
    format!("{name}{op}{}", literal(matcher.value()))
}

/// `[range:step]` of a subquery with its modifiers.
struct Suffix<'a>(&'a SubqueryExpr);

impl Display for Suffix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:", self.0.range)?;
        if let Some(step) = &self.0.step {
            step.fmt(f)?;
        }
        f.write_char(']')?;
        write_at(f, self.0.at)?;
        write_offset(f, &self.0.offset)
    }
}

fn extension(selector: &VectorSelector) -> &'static str {
    match (selector.anchored, selector.smoothed) {
        (true, _) => " anchored",
        (_, true) => " smoothed",
        _ => "",
    }
}

fn write_at(f: &mut Formatter<'_>, at: Option<AtModifier>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(AtModifier::Start) => f.write_str(" @ start()"),
        Some(AtModifier::End) => f.write_str(" @ end()"),
        Some(AtModifier::Timestamp(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0),
    }
}

fn write_offset(f: &mut Formatter<'_>, offset: &DurationArg) -> fmt::Result {
    if offset.is_unset() {
        return Ok(());
    }
    write!(f, " offset {offset}")
}
