//! Expressions over several lines: what does not fit on one is broken at its operator, its
//! parentheses or its arguments, as Prometheus' `/api/v1/format_query` does.
//!
//! A part is broken if its text on one line, without the indent, is longer than the width. Selectors
//! and literals are never broken.

use std::fmt::{self, Write};

use super::{Aggregation, Operator, Suffix};
use crate::ast::{AggregateExpr, BinaryExpr, Call, Expr};

/// The width of Prometheus' formatter in bytes.
const DEFAULT_WIDTH: usize = 100;

const INDENT: &str = "  ";

impl Expr {
    /// The expression in the form of Prometheus' formatter, with lines of at most 100 bytes where
    /// its rules can break them.
    #[must_use]
    pub fn pretty(&self) -> String {
        self.pretty_within(DEFAULT_WIDTH)
    }

    /// As [`Expr::pretty`] with parts longer than `width` bytes broken.
    #[must_use]
    pub fn pretty_within(&self, width: usize) -> String {
        let mut pretty = Pretty {
            out: String::new(),
            width,
        };
        pretty.expr(self, 0);
        pretty.out
    }
}

struct Pretty {
    out: String,
    width: usize,
}

impl Pretty {
    fn expr(&mut self, expr: &Expr, level: usize) {
        match expr {
            // Prometheus leaves out the indent of a subquery that fits, and so what it prints.
            Expr::Subquery(_) if self.fits(expr) => self.put(expr),
            Expr::Subquery(subquery) => {
                self.expr(&subquery.expr, level);
                self.put(Suffix(subquery));
            }
            Expr::Unary(unary) => {
                self.indent(level);
                self.put(unary.op.as_str());
                let start = self.out.len();
                self.expr(&unary.expr, level);
                self.trim_from(start);
            }
            _ if self.fits(expr) => {
                self.indent(level);
                self.put(expr);
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, level),
            Expr::Binary(binary) => self.binary(binary, level),
            Expr::Call(call) if !call.args.is_empty() => self.call(call, level),
            Expr::Paren(paren) => {
                self.indent(level);
                self.put("(\n");
                self.expr(&paren.expr, level + 1);
                self.close(level);
            }
            Expr::Call(_) | Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => {
                self.indent(level);
                self.put(expr);
            }
        }
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr, level: usize) {
        self.indent(level);
        self.put(Aggregation(aggregate));
        self.put("(\n");
        if let Some(param) = &aggregate.param {
            self.expr(param, level + 1);
            self.put(",\n");
        }
        self.expr(&aggregate.expr, level + 1);
        self.close(level);
    }

    fn binary(&mut self, binary: &BinaryExpr, level: usize) {
        self.expr(&binary.lhs, level + 1);
        self.put("\n");
        self.indent(level);
        self.put(Operator(binary));
        self.put("\n");
        self.expr(&binary.rhs, level + 1);
    }

    fn call(&mut self, call: &Call, level: usize) {
        self.indent(level);
        self.put(call.function.name);
        self.put("(\n");
        for (index, arg) in call.args.iter().enumerate() {
            if index > 0 {
                self.put(",\n");
            }
            self.expr(arg, level + 1);
        }
        self.close(level);
    }

    fn close(&mut self, level: usize) {
        self.put("\n");
        self.indent(level);
        self.put(")");
    }

    fn indent(&mut self, level: usize) {
        for _ in 0..level {
            self.put(INDENT);
        }
    }

    fn put(&mut self, text: impl fmt::Display) {
        write!(self.out, "{text}").expect("writing to a string cannot fail");
    }

    /// Removes blanks at the start of what was written from `start` on.
    fn trim_from(&mut self, start: usize) {
        let written = &self.out[start..];
        let blanks = written.len() - written.trim_start().len();
        self.out.replace_range(start..start + blanks, "");
    }

    /// Whether the expression fits on a line. Printing stops where it no longer does, so that a
    /// deep tree is not printed once for each of its levels.
    fn fits(&self, expr: &Expr) -> bool {
        let mut room = Room { bytes: self.width };
        write!(room, "{expr}").is_ok()
    }
}

/// Takes that many bytes and then fails.
struct Room {
    bytes: usize,
}

impl Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes = self.bytes.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}
