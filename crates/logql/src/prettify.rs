//! Queries laid out over several lines, as `/loki/api/v1/format_query` gives them.

use crate::ast::{AggregateExpr, BinaryExpr, Expr, LogExpr, MetricExpr, RangeExpr};
use crate::gofmt::{append, quote};

/// Characters that fit on one line by default.
pub const DEFAULT_MAX_LINE: usize = 100;

/// Lays out a query so that pieces longer than `max_line` characters are split.
pub fn prettify(expr: &Expr, max_line: usize) -> String {
    let printer = Printer { max_line };
    match expr {
        Expr::Log(log) => printer.log(log, 0),
        Expr::Metric(metric) => printer.metric(metric, 0),
    }
}

struct Printer {
    max_line: usize,
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

impl Printer {
    fn needs_split(&self, text: &str) -> bool {
        text.chars().count() > self.max_line
    }

    /// One line if the piece fits, else what `split` gives.
    fn either(&self, text: &str, level: usize, split: impl FnOnce() -> String) -> String {
        if self.needs_split(text) {
            split()
        } else {
            format!("{}{text}", indent(level))
        }
    }

    fn log(&self, log: &LogExpr, level: usize) -> String {
        self.either(&log.to_string(), level, || {
            let mut out = indent(level);
            crate::printer::write_selector(&mut out, &log.matchers).expect("writing to a String cannot fail");
            for stage in &log.stages {
                append(&mut out, format_args!("\n{}{stage}", indent(level + 1)));
            }
            out
        })
    }

    fn metric(&self, expr: &MetricExpr, level: usize) -> String {
        self.either(&expr.to_string(), level, || match expr {
            MetricExpr::Literal(_) | MetricExpr::Vector(_) => format!("{}{expr}", indent(level)),
            MetricExpr::Range(range) => self.range(range, level),
            MetricExpr::Aggregate(aggregate) => self.aggregate(aggregate, level),
            MetricExpr::Binary(binary) => self.binary(binary, level),
            MetricExpr::LabelReplace(replace) => {
                let mut out = format!(
                    "{}label_replace(\n{}",
                    indent(level),
                    self.metric(&replace.expr, level + 1)
                );
                for text in [
                    &replace.destination,
                    &replace.replacement,
                    &replace.source,
                    &replace.regex,
                ] {
                    append(&mut out, format_args!(",\n{}{}", indent(level + 1), quote(text)));
                }
                format!("{out}\n{})", indent(level))
            }
        })
    }

    fn range(&self, range: &RangeExpr, level: usize) -> String {
        let mut out = format!("{}{}(\n", indent(level), range.op.as_str());
        if let Some(param) = range.param {
            append(
                &mut out,
                format_args!("{}{},\n", indent(level + 1), crate::gofmt::shortest(param)),
            );
        }
        out.push_str(&self.log(&range.log, level + 1));
        if let Some(unwrap) = &range.unwrap {
            append(&mut out, format_args!("\n{}{unwrap}", indent(level + 2)));
        }
        append(&mut out, format_args!(" {}\n{})", range.window(), indent(level)));
        if let Some(grouping) = &range.grouping {
            append(&mut out, format_args!(" {grouping}"));
        }
        out
    }

    fn aggregate(&self, aggregate: &AggregateExpr, level: usize) -> String {
        let mut out = format!("{}{}", indent(level), aggregate.op.as_str());
        if let Some(grouping) = &aggregate.grouping {
            append(&mut out, format_args!(" {grouping}"));
        }
        out.push_str("(\n");
        if let Some(param) = aggregate.param {
            append(&mut out, format_args!("{}{param},\n", indent(level + 1)));
        }
        out.push_str(&self.metric(&aggregate.expr, level + 1));
        format!("{out}\n{})", indent(level))
    }

    fn binary(&self, binary: &BinaryExpr, level: usize) -> String {
        format!(
            "{}\n{}{}\n{}",
            self.metric(&binary.left, level + 1),
            indent(level),
            binary.operator(),
            self.metric(&binary.right, level + 1)
        )
    }
}
