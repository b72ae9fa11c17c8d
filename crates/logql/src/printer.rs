//! Canonical text of a tree. Parsing it again gives the same tree.

use std::fmt::{self, Display, Formatter};

use skopos_core::Matcher;

use crate::ast::{
    AggregateExpr, BinaryExpr, Cardinality, CompareOp, Expr, Extraction, Grouping, LabelFilter, LabelFormat,
    LabelFormatValue, LabelRef, LabelReplaceExpr, LineFilter, LineOperand, LogExpr, MetricExpr, Quantity, RangeExpr,
    Stage, Unwrap,
};
use crate::duration::{format_go, format_prometheus};
use crate::gofmt::{append, quote, shortest};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_selector(f, &self.matchers)?;
        for stage in &self.stages {
            write!(f, " {stage}")?;
        }
        Ok(())
    }
}

/// `{a="b", c="d"}`.
pub(crate) fn write_selector(f: &mut impl fmt::Write, matchers: &[Matcher]) -> fmt::Result {
    f.write_str("{")?;
    for (i, matcher) in matchers.iter().enumerate() {
        let separator = if i > 0 { ", " } else { "" };
        write!(f, "{separator}{}", matcher_text(matcher))?;
    }
    f.write_str("}")
}

fn matcher_text(matcher: &Matcher) -> String {
    format!("{}{}{}", matcher.name(), matcher.op().as_str(), quote(matcher.value()))
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Json(extract) => write!(f, "| json{}", extractions(extract)),
            Self::Logfmt(stage) => {
                f.write_str("| logfmt")?;
                f.write_str(if stage.strict { " --strict" } else { "" })?;
                f.write_str(if stage.keep_empty { " --keep-empty" } else { "" })?;
                f.write_str(&extractions(&stage.extract))
            }
            Self::Regexp(pattern) => write!(f, "| regexp {}", quote(pattern)),
            Self::Pattern(pattern) => write!(f, "| pattern {}", quote(pattern)),
            Self::Unpack => f.write_str("| unpack"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(template) => write!(f, "| line_format {}", quote(template)),
            Self::LabelFormat(formats) => write!(f, "| label_format {}", joined(formats)),
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(refs) => write!(f, "| drop {}", joined(refs)),
            Self::Keep(refs) => write!(f, "| keep {}", joined(refs)),
        }
    }
}

fn joined<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn extractions(list: &[Extraction]) -> String {
    if list.is_empty() {
        return String::new();
    }
    let texts: Vec<String> = list.iter().map(|e| format!("{}={}", e.label, quote(&e.path))).collect();
    format!(" {}", texts.join(","))
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        for (i, operand) in self.operands.iter().enumerate() {
            let separator = if i > 0 { " or " } else { " " };
            match operand {
                LineOperand::Text(text) => write!(f, "{separator}{}", quote(text))?,
                LineOperand::Ip(pattern) => write!(f, "{separator}ip({})", quote(pattern))?,
            }
        }
        Ok(())
    }
}

impl Display for LabelFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            LabelFormatValue::Rename(from) => write!(f, "{}={from}", self.name),
            LabelFormatValue::Template(template) => write!(f, "{}={}", self.name, quote(template)),
        }
    }
}

impl Display for LabelRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matcher(matcher) => f.write_str(&matcher_text(matcher)),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matcher(matcher) => f.write_str(&matcher_text(matcher)),
            Self::Compare { name, op, value } => write_comparison(f, name, *op, *value),
            Self::Ip { name, negated, pattern } => {
                let op = if *negated { "!=" } else { "=" };
                write!(f, "{name}{op}ip({})", quote(pattern))
            }
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

fn write_comparison(f: &mut Formatter<'_>, name: &str, op: CompareOp, value: Quantity) -> fmt::Result {
    write!(f, "{name}{}", op.as_str())?;
    match value {
        Quantity::Number(number) => f.write_str(&shortest(number)),
        Quantity::DurationNs(duration_ns) => f.write_str(&format_go(duration_ns)),
        Quantity::Bytes(bytes) => {
            let short = crate::bytesize::format(bytes).replace(' ', "");
            // The short form rounds; where it would change the value, the bytes are written out.
            let exact = crate::bytesize::parse(&short) == Ok(bytes);
            if exact {
                f.write_str(&short)
            } else {
                write!(f, "{bytes}B")
            }
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => f.write_str(&shortest(*value)),
            Self::Vector(value) => write!(f, "vector({})", shortest(*value)),
            Self::Range(range) => range.fmt(f),
            Self::Aggregate(aggregate) => aggregate.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::LabelReplace(replace) => replace.fmt(f),
        }
    }
}

impl Display for RangeExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(param) = self.param {
            write!(f, "{},", shortest(param))?;
        }
        write!(f, "{}", self.log)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "{})", self.window())?;
        self.grouping
            .as_ref()
            .map_or(Ok(()), |grouping| write!(f, " {grouping}"))
    }
}

impl RangeExpr {
    /// `[5m] offset 1h`.
    pub(crate) fn window(&self) -> String {
        let mut text = format!("[{}]", format_prometheus(self.range_ns));
        if self.offset_ns != 0 {
            text.push_str(" offset ");
            text.push_str(&format_prometheus(self.offset_ns));
        }
        text
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.conversion.as_str() {
            "" => write!(f, "| unwrap {}", self.label)?,
            function => write!(f, "| unwrap {function}({})", self.label)?,
        }
        self.post_filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word} ({})", self.labels.join(", "))
    }
}

impl Display for AggregateExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping} ")?;
        }
        f.write_str("(")?;
        if let Some(param) = self.param {
            write!(f, "{param},")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Display for BinaryExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} {} {})", self.left, self.operator(), self.right)
    }
}

impl BinaryExpr {
    /// The operator with its modifiers: `+ on (a) group_left (b)`.
    pub(crate) fn operator(&self) -> String {
        let mut text = self.op.as_str().to_owned();
        if self.return_bool {
            text.push_str(" bool");
        }
        let matching = &self.matching;
        if matching.on || !matching.labels.is_empty() {
            let word = if matching.on { "on" } else { "ignoring" };
            append(&mut text, format_args!(" {word} ({})", matching.labels.join(", ")));
        }
        let side = match matching.cardinality {
            Cardinality::OneToOne => return text,
            Cardinality::ManyToOne => "group_left",
            Cardinality::OneToMany => "group_right",
        };
        append(&mut text, format_args!(" {side} ({})", matching.include.join(", ")));
        text
    }
}

impl Display for LabelReplaceExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let texts = [&self.destination, &self.replacement, &self.source, &self.regex];
        let texts: Vec<String> = texts.iter().map(|text| quote(text)).collect();
        write!(f, "label_replace({},{})", self.expr, texts.join(","))
    }
}
