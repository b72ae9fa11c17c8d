//! The syntax tree of a query, with the byte range of every part.
//!
//! The tree is what was written: durations may still be expressions and `@ start()` is not yet a
//! time. The engine resolves both for a query's time range before it evaluates.

mod normal;
mod op;

use skopos_core::Matcher;

pub use op::{AggregateOp, BinaryOp, UnaryOp};

use crate::position::PosRange;
use crate::signature::Function;

/// What an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A number per step.
    Scalar,
    /// A text.
    String,
    /// A set of series with at most one sample per step.
    Vector,
    /// A set of series with a range of samples per step.
    Matrix,
}

impl ValueType {
    /// The name in Prometheus' API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }

    /// The name in documentation and error messages.
    #[must_use]
    pub const fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            other => other.as_str(),
        }
    }
}

/// An expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// `sum by (job) (x)`
    Aggregate(Box<AggregateExpr>),
    /// `a + b`
    Binary(Box<BinaryExpr>),
    /// `rate(x[5m])`
    Call(Call),
    /// `x[5m]`
    Matrix(MatrixSelector),
    /// `1.5`, `5m`
    Number(NumberLiteral),
    /// `(x)`
    Paren(ParenExpr),
    /// `"text"`
    String(StringLiteral),
    /// `x[1h:5m]`
    Subquery(Box<SubqueryExpr>),
    /// `-x`
    Unary(UnaryExpr),
    /// `x{job="a"}`
    Vector(VectorSelector),
}

/// An aggregation.
#[derive(Debug, Clone)]
pub struct AggregateExpr {
    /// The operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// The parameter of `topk`, `quantile`, `count_values` and their like.
    pub param: Option<Expr>,
    /// Labels of `by` or `without`.
    pub grouping: Vec<String>,
    /// Whether `grouping` are the labels to leave out.
    pub without: bool,
    /// Where it stands.
    pub pos: PosRange,
}

/// A binary operation.
#[derive(Debug, Clone)]
pub struct BinaryExpr {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Expr,
    /// Right side.
    pub rhs: Expr,
    /// How series find each other; `None` unless both sides are vectors.
    pub matching: Option<VectorMatching>,
    /// Whether a comparison yields 0 and 1 instead of filtering.
    pub return_bool: bool,
}

/// How many series of one side meet how many of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// Each meets one.
    #[default]
    OneToOne,
    /// Many on the left meet one on the right (`group_left`).
    ManyToOne,
    /// One on the left meets many on the right (`group_right`).
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// The modifiers `on`, `ignoring`, `group_left`, `group_right` and `fill`.
#[derive(Debug, Clone, Default)]
pub struct VectorMatching {
    /// How many meet how many.
    pub cardinality: Cardinality,
    /// Labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Whether `labels` are those to match on.
    pub on: bool,
    /// Labels taken over from the "one" side.
    pub include: Vec<String>,
    /// Value for series that are missing on the left.
    pub fill_left: Option<f64>,
    /// Value for series that are missing on the right.
    pub fill_right: Option<f64>,
}

/// A call of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub pos: PosRange,
}

/// A number or a duration used as one.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLiteral {
    /// The value; of durations in seconds.
    pub value: f64,
    /// Whether it was written as a duration.
    pub is_duration: bool,
    /// Where it stands.
    pub pos: PosRange,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    /// The text without quotes.
    pub value: String,
    /// Where it stands.
    pub pos: PosRange,
}

/// An expression in parentheses.
#[derive(Debug, Clone)]
pub struct ParenExpr {
    /// What is inside.
    pub expr: Box<Expr>,
    /// Where it stands, parentheses included.
    pub pos: PosRange,
}

/// A sign before an expression.
#[derive(Debug, Clone)]
pub struct UnaryExpr {
    /// The sign.
    pub op: UnaryOp,
    /// What it applies to.
    pub expr: Box<Expr>,
    /// Where the sign stands.
    pub start: usize,
}

/// The time of an `@` modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtModifier {
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// A duration as written: a literal, or an expression over durations.
#[derive(Debug, Clone, Default)]
pub struct DurationArg {
    /// Milliseconds; for an expression the value it was last resolved to.
    pub ms: i64,
    /// The expression, if it is one.
    pub expr: Option<DurationExpr>,
}

impl DurationArg {
    /// Whether it is neither an expression nor different from zero.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.ms == 0 && self.expr.is_none()
    }
}

/// Arithmetic over durations, in seconds.
#[derive(Debug, Clone)]
pub enum DurationExpr {
    /// A number or duration.
    Number(NumberLiteral),
    /// `step()` of the query.
    Step(PosRange),
    /// `range()`: from start to end of the query.
    Range(PosRange),
    /// A negation; the position is that of the sign.
    Negate(Box<Self>, usize),
    /// `+ - * / % ^`
    Binary(BinaryOp, Box<Self>, Box<Self>),
    /// `min_of(a, b)`
    MinOf(Box<Self>, Box<Self>, PosRange),
    /// `max_of(a, b)`
    MaxOf(Box<Self>, Box<Self>, PosRange),
    /// `(a)`
    Paren(Box<Self>, PosRange),
}

impl DurationExpr {
    /// Where it stands.
    #[must_use]
    pub fn pos(&self) -> PosRange {
        match self {
            Self::Number(literal) => literal.pos,
            Self::Step(pos) | Self::Range(pos) => *pos,
            Self::MinOf(_, _, pos) | Self::MaxOf(_, _, pos) | Self::Paren(_, pos) => *pos,
            Self::Negate(inner, start) => PosRange::new(*start, inner.pos().end),
            Self::Binary(_, lhs, rhs) => lhs.pos().cover(rhs.pos()),
        }
    }
}

/// An instant selector, also the heart of a range selector.
#[derive(Debug, Clone, Default)]
pub struct VectorSelector {
    /// The metric name written before the braces, or empty.
    pub name: String,
    /// All conditions; the one that `name` makes is the last.
    pub matchers: Vec<Matcher>,
    /// `offset`.
    pub offset: DurationArg,
    /// `@`.
    pub at: Option<AtModifier>,
    /// `anchored`.
    pub anchored: bool,
    /// `smoothed`.
    pub smoothed: bool,
    /// Whether only count and sum of histograms are asked for; found when the query is resolved.
    pub histogram_stats: bool,
    /// Where it stands.
    pub pos: PosRange,
}

/// A range selector.
#[derive(Debug, Clone)]
pub struct MatrixSelector {
    /// What is selected.
    pub selector: VectorSelector,
    /// How far back.
    pub range: DurationArg,
    /// Where it ends.
    pub end: usize,
}

/// A subquery.
#[derive(Debug, Clone)]
pub struct SubqueryExpr {
    /// What is evaluated.
    pub expr: Expr,
    /// How far back.
    pub range: DurationArg,
    /// Resolution; `None` is the default of the engine.
    pub step: Option<DurationArg>,
    /// `offset`.
    pub offset: DurationArg,
    /// `@`.
    pub at: Option<AtModifier>,
    /// Where it ends.
    pub end: usize,
}

impl Expr {
    /// What the expression yields.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Aggregate(_) | Self::Vector(_) => ValueType::Vector,
            Self::Binary(binary) => binary.value_type(),
            Self::Call(call) => call.function.returns,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Number(_) => ValueType::Scalar,
            Self::String(_) => ValueType::String,
            Self::Paren(paren) => paren.expr.value_type(),
            Self::Unary(unary) => unary.expr.value_type(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn pos(&self) -> PosRange {
        match self {
            Self::Aggregate(aggregate) => aggregate.pos,
            Self::Binary(binary) => binary.lhs.pos().cover(binary.rhs.pos()),
            Self::Call(call) => call.pos,
            Self::Matrix(matrix) => PosRange::new(matrix.selector.pos.start, matrix.end),
            Self::Number(number) => number.pos,
            Self::Paren(paren) => paren.pos,
            Self::String(string) => string.pos,
            Self::Subquery(subquery) => PosRange::new(subquery.expr.pos().start, subquery.end),
            Self::Unary(unary) => PosRange::new(unary.start, unary.expr.pos().end),
            Self::Vector(selector) => selector.pos,
        }
    }

    /// The expression inside any parentheses.
    #[must_use]
    pub fn unwrap_parens(&self) -> &Self {
        match self {
            Self::Paren(paren) => paren.expr.unwrap_parens(),
            other => other,
        }
    }

    /// The direct parts, in the order they are written.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.expr]).collect(),
            Self::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            Self::Call(call) => call.args.iter().collect(),
            Self::Paren(paren) => vec![&paren.expr],
            Self::Unary(unary) => vec![&unary.expr],
            Self::Subquery(subquery) => vec![&subquery.expr],
            Self::Matrix(_) | Self::Number(_) | Self::String(_) | Self::Vector(_) => Vec::new(),
        }
    }

    /// Calls `visit` for every selector, those in ranges included, in the order they are written.
    pub fn for_each_selector<'a>(&'a self, visit: &mut impl FnMut(&'a VectorSelector)) {
        match self {
            Self::Vector(selector) => visit(selector),
            Self::Matrix(matrix) => visit(&matrix.selector),
            _ => self
                .children()
                .into_iter()
                .for_each(|child| child.for_each_selector(visit)),
        }
    }
}

impl BinaryExpr {
    fn value_type(&self) -> ValueType {
        let both = [self.lhs.value_type(), self.rhs.value_type()];
        if both == [ValueType::Scalar; 2] {
            ValueType::Scalar
        } else {
            ValueType::Vector
        }
    }
}

/// The conditions of every selector in an expression.
#[must_use]
pub fn extract_selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let mut selectors = Vec::new();
    expr.for_each_selector(&mut |selector| selectors.push(selector.matchers.clone()));
    selectors
}

/// The metric names that an expression asks for by equality, sorted, without duplicates.
#[must_use]
pub fn metric_names(expr: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    expr.for_each_selector(&mut |selector| {
        let equal = selector
            .matchers
            .iter()
            .filter(|matcher| matcher.name() == skopos_core::labels::METRIC_NAME)
            .filter(|matcher| matcher.op() == skopos_core::MatchOp::Equal);
        names.extend(equal.map(|matcher| matcher.value().to_owned()));
    });
    names.sort();
    names.dedup();
    names
}
