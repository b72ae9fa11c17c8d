//! Metric queries: ranges, aggregations, binary operations.

use super::Parser;
use super::log::parse_literal;
use crate::ParseError;
use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, BinaryOp, Cardinality, Conversion, Expr, Grouping, LabelReplaceExpr,
    LogExpr, Matching, MetricExpr, RangeExpr, RangeOp, Unwrap,
};
use crate::engine::fold_literals;
use crate::lexer::Kind;

/// The window of a range expression as far as it is read.
struct LogRange {
    log: LogExpr,
    unwrap: Option<Unwrap>,
    window: Option<Window>,
}

#[derive(Clone, Copy)]
struct Window {
    range_ns: i64,
    offset_ns: i64,
}

#[derive(Default)]
struct Modifiers {
    return_bool: bool,
    matching: Matching,
}

impl Parser {
    pub(super) fn expr(&mut self, min_precedence: u8) -> Result<Expr, ParseError> {
        self.enter()?;
        let mut left = self.primary()?;
        while let Some(op) = BinaryOp::from_name(self.symbol()).filter(|op| op.precedence() >= min_precedence) {
            self.advance();
            let modifiers = self.modifiers()?;
            let next = op.precedence() + u8::from(op != BinaryOp::Pow);
            let right = self.expr(next)?;
            left = Expr::Metric(binary(op, left, right, modifiers)?);
        }
        self.leave();
        Ok(left)
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let symbol = self.symbol();
        match self.kind() {
            Kind::Symbol("{") => return Ok(Expr::Log(self.log_expr()?)),
            Kind::Symbol("(") => {
                self.advance();
                let inner = self.expr(0)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Kind::Number(_) | Kind::Symbol("+" | "-") => {
                return Ok(Expr::Metric(MetricExpr::Literal(self.signed_number()?)));
            }
            Kind::Symbol(_) => {}
            _ => return Err(self.unexpected(&[])),
        }
        let metric = if let Some(op) = RangeOp::from_name(symbol) {
            self.range_expr(op)?
        } else if let Some(op) = AggregateOp::from_name(symbol) {
            self.aggregate(op)?
        } else if symbol == "label_replace" {
            self.label_replace()?
        } else if symbol == "vector" {
            self.vector()?
        } else {
            return Err(self.unexpected(&[]));
        };
        Ok(Expr::Metric(metric))
    }

    /// An expression that must compute numbers.
    fn metric(&mut self) -> Result<MetricExpr, ParseError> {
        match self.expr(0)? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(_) => Err(self.unexpected(&[])),
        }
    }

    fn modifiers(&mut self) -> Result<Modifiers, ParseError> {
        let mut modifiers = Modifiers {
            return_bool: self.eat("bool"),
            ..Modifiers::default()
        };
        let symbol = self.symbol();
        if !matches!(symbol, "on" | "ignoring") {
            return Ok(modifiers);
        }
        self.advance();
        modifiers.matching.on = symbol == "on";
        modifiers.matching.labels = self.label_list()?;
        modifiers.matching.cardinality = match self.symbol() {
            "group_left" => Cardinality::ManyToOne,
            "group_right" => Cardinality::OneToMany,
            _ => return Ok(modifiers),
        };
        self.advance();
        if self.label_list_follows() {
            modifiers.matching.include = self.label_list()?;
        }
        Ok(modifiers)
    }

    /// Whether the parenthesis after `group_left` holds labels and not the right side.
    fn label_list_follows(&self) -> bool {
        let kind = |offset: usize| self.tokens.get(self.position + offset).map(|token| &token.kind);
        self.symbol() == "("
            && match kind(1) {
                Some(Kind::Symbol(")")) => true,
                Some(Kind::Identifier(_)) => matches!(kind(2), Some(Kind::Symbol(")" | ","))),
                _ => false,
            }
    }

    fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        if self.eat(")") {
            return Ok(labels);
        }
        loop {
            labels.push(self.identifier()?);
            if self.eat(")") {
                return Ok(labels);
            }
            if !self.eat(",") {
                return Err(self.unexpected(&[",", ")"]));
            }
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = match self.symbol() {
            "by" => false,
            "without" => true,
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Grouping {
            without,
            labels: self.label_list()?,
        }))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<MetricExpr, ParseError> {
        self.advance();
        let before = self.grouping()?;
        self.expect("(")?;
        let param = match (self.kind(), self.symbol_after(1)) {
            (Kind::Number(text), ",") => {
                let text = text.clone();
                self.advance();
                self.advance();
                Some(text)
            }
            _ => None,
        };
        let expr = self.metric()?;
        self.expect(")")?;
        let grouping = match before {
            Some(grouping) => Some(grouping),
            None => self.grouping()?,
        };
        aggregate(op, param.as_deref(), grouping, expr)
    }

    fn range_expr(&mut self, op: RangeOp) -> Result<MetricExpr, ParseError> {
        self.advance();
        self.expect("(")?;
        let param = match (self.kind(), self.symbol_after(1)) {
            (Kind::Number(text), ",") => {
                let text = text.clone();
                self.advance();
                self.advance();
                Some(text)
            }
            (Kind::Symbol("{" | "("), _) => None,
            _ => return Err(self.unexpected(&["NUMBER", "{", "("])),
        };
        let range = self.log_range()?;
        let Some(window) = range.window else {
            return Err(self.unexpected(&[]));
        };
        self.expect(")")?;
        let grouping = self.grouping()?;
        let expr = RangeExpr {
            op,
            param: range_param(op, param.as_deref())?,
            log: range.log,
            unwrap: range.unwrap,
            range_ns: window.range_ns,
            offset_ns: window.offset_ns,
            grouping,
        };
        check_range(&expr)?;
        Ok(MetricExpr::Range(Box::new(expr)))
    }

    fn log_range(&mut self) -> Result<LogRange, ParseError> {
        if self.eat("(") {
            self.enter()?;
            let mut inner = self.log_range()?;
            self.leave();
            self.expect(")")?;
            if inner.window.is_none() {
                inner.window = self.window()?;
            }
            if inner.unwrap.is_none() {
                inner.unwrap = self.unwrap()?;
            }
            return Ok(inner);
        }
        let matchers = self.selector()?;
        let mut window = self.window()?;
        let stages = self.stages()?;
        let unwrap = self.unwrap()?;
        if window.is_none() {
            window = self.window()?;
        }
        Ok(LogRange {
            log: LogExpr { matchers, stages },
            unwrap,
            window,
        })
    }

    fn window(&mut self) -> Result<Option<Window>, ParseError> {
        let Kind::Range(range_ns) = self.kind() else {
            return Ok(None);
        };
        let range_ns = *range_ns;
        self.advance();
        let mut offset_ns = 0;
        if self.eat("offset") {
            let Kind::Duration(offset) = self.kind() else {
                return Err(self.unexpected(&["DURATION"]));
            };
            offset_ns = *offset;
            self.advance();
        }
        Ok(Some(Window { range_ns, offset_ns }))
    }

    fn unwrap(&mut self) -> Result<Option<Unwrap>, ParseError> {
        if self.symbol() != "|" || self.symbol_after(1) != "unwrap" {
            return Ok(None);
        }
        self.advance();
        self.advance();
        let conversion = match self.symbol() {
            "bytes" => Conversion::Bytes,
            "duration" => Conversion::Duration,
            "duration_seconds" => Conversion::DurationSeconds,
            _ => Conversion::Number,
        };
        let label = if conversion == Conversion::Number {
            self.identifier()?
        } else {
            self.advance();
            self.expect("(")?;
            let label = self.identifier()?;
            self.expect(")")?;
            label
        };
        let mut post_filters = Vec::new();
        while self.eat("|") {
            post_filters.push(self.label_filter()?);
        }
        Ok(Some(Unwrap {
            label,
            conversion,
            post_filters,
        }))
    }

    fn vector(&mut self) -> Result<MetricExpr, ParseError> {
        self.advance();
        self.expect("(")?;
        let Kind::Number(text) = self.kind() else {
            return Err(self.unexpected(&["NUMBER"]));
        };
        let value = parse_literal(text)?;
        self.advance();
        self.expect(")")?;
        Ok(MetricExpr::Vector(value))
    }

    fn label_replace(&mut self) -> Result<MetricExpr, ParseError> {
        self.advance();
        self.expect("(")?;
        let expr = self.metric()?;
        let mut texts = [const { String::new() }; 4];
        for text in &mut texts {
            self.expect(",")?;
            *text = self.text()?;
        }
        self.expect(")")?;
        let [destination, replacement, source, regex] = texts;
        if let Err(error) = skopos_core::re2::compile_anchored(&regex) {
            return Err(ParseError::whole(format!("invalid regex in label_replace: {error}")));
        }
        Ok(MetricExpr::LabelReplace(Box::new(LabelReplaceExpr {
            expr,
            destination,
            replacement,
            source,
            regex,
        })))
    }
}

fn range_param(op: RangeOp, text: Option<&str>) -> Result<Option<f64>, ParseError> {
    let message = match (op, text) {
        (RangeOp::QuantileOverTime, Some(text)) => match crate::gofmt::parse_float(text) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => format!("invalid parameter for operation {}: {error}", op.as_str()),
        },
        (RangeOp::QuantileOverTime, None) => format!("parameter required for operation {}", op.as_str()),
        (_, Some(text)) => format!("parameter {text} not supported for operation {}", op.as_str()),
        (_, None) => return Ok(None),
    };
    Err(ParseError::whole(message))
}

fn check_range(expr: &RangeExpr) -> Result<(), ParseError> {
    use RangeOp as Op;
    let name = expr.op.as_str();
    let groups = matches!(
        expr.op,
        Op::AvgOverTime
            | Op::StddevOverTime
            | Op::StdvarOverTime
            | Op::QuantileOverTime
            | Op::MaxOverTime
            | Op::MinOverTime
            | Op::FirstOverTime
            | Op::LastOverTime
    );
    if expr.grouping.is_some() && !groups {
        return Err(ParseError::whole(format!(
            "grouping not allowed for {name} aggregation"
        )));
    }
    let counts_lines = matches!(expr.op, Op::CountOverTime | Op::BytesOverTime | Op::BytesRate);
    let takes_both = matches!(expr.op, Op::Rate | Op::AbsentOverTime);
    match &expr.unwrap {
        Some(_) if counts_lines => Err(ParseError::whole(format!("invalid aggregation {name} with unwrap"))),
        None if !counts_lines && !takes_both => {
            Err(ParseError::whole(format!("invalid aggregation {name} without unwrap")))
        }
        _ => Ok(()),
    }
}

fn aggregate(
    op: AggregateOp,
    param: Option<&str>,
    grouping: Option<Grouping>,
    expr: MetricExpr,
) -> Result<MetricExpr, ParseError> {
    let name = op.as_str();
    let takes_param = matches!(op, AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::ApproxTopk);
    let fail = |message: String| Err(ParseError::whole(message));
    let param = match param {
        None if takes_param => return fail(format!("parameter required for operation {name}")),
        None => None,
        Some(text) if !takes_param => {
            return fail(format!("unsupported parameter for operation {name}({text},"));
        }
        Some(text) => match text.parse::<usize>() {
            Ok(0) => {
                return fail(format!("invalid parameter (must be greater than 0) {name}({text}"));
            }
            Ok(count) => Some(count),
            Err(_) => return fail(format!("invalid parameter {name}({text},")),
        },
    };
    match (op, &grouping) {
        (AggregateOp::Sort | AggregateOp::SortDesc, Some(_)) => {
            return fail("sort and sort_desc doesn't allow grouping by ".to_owned());
        }
        (AggregateOp::ApproxTopk, Some(_)) => {
            return fail(format!("grouping not allowed for {name} aggregation"));
        }
        _ => {}
    }
    Ok(MetricExpr::Aggregate(Box::new(AggregateExpr {
        op,
        param,
        grouping,
        expr,
    })))
}

fn binary(op: BinaryOp, left: Expr, right: Expr, modifiers: Modifiers) -> Result<MetricExpr, ParseError> {
    let left = operand(op, left, "left")?;
    let right = operand(op, right, "right")?;
    if op.is_set() {
        for (side, leg) in [("left", &left), ("right", &right)] {
            if let MetricExpr::Literal(value) = leg {
                return Err(ParseError::whole(format!(
                    "unexpected literal for {side} leg of logical/set binary operation ({}): {value:.6}",
                    op.as_str()
                )));
            }
        }
    }
    if let (MetricExpr::Literal(left), MetricExpr::Literal(right)) = (&left, &right) {
        return Ok(MetricExpr::Literal(fold_literals(op, *left, *right)));
    }
    Ok(MetricExpr::Binary(Box::new(BinaryExpr {
        op,
        left,
        right,
        return_bool: modifiers.return_bool,
        matching: modifiers.matching,
    })))
}

fn operand(op: BinaryOp, expr: Expr, side: &str) -> Result<MetricExpr, ParseError> {
    let kind = match expr {
        Expr::Metric(metric) => return Ok(metric),
        Expr::Log(log) if log.stages.is_empty() => "*syntax.MatchersExpr",
        Expr::Log(_) => "*syntax.PipelineExpr",
    };
    Err(ParseError::whole(format!(
        "unexpected type for {side} leg of binary operation ({}): {kind}",
        op.as_str()
    )))
}
