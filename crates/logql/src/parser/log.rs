//! Log queries: selectors, line filters, parsers, label filters and formats.

use skopos_core::{MatchOp, Matcher};

use super::Parser;
use crate::ParseError;
use crate::ast::{
    CompareOp, Extraction, LabelFilter, LabelFormat, LabelFormatValue, LabelRef, LineFilter, LineOp, LineOperand,
    LogExpr, LogfmtStage, Quantity, Stage,
};
use crate::lexer::Kind;

impl Parser {
    pub(super) fn log_expr(&mut self) -> Result<LogExpr, ParseError> {
        Ok(LogExpr {
            matchers: self.selector()?,
            stages: self.stages()?,
        })
    }

    pub(super) fn selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        if self.eat("}") {
            return Ok(matchers);
        }
        loop {
            let name = match self.kind() {
                Kind::Identifier(_) => self.identifier()?,
                _ if matchers.is_empty() => return Err(self.unexpected(&["IDENTIFIER", "}"])),
                _ => return Err(self.unexpected(&["IDENTIFIER"])),
            };
            matchers.push(self.matcher_of(name)?);
            if self.eat("}") {
                return Ok(matchers);
            }
            if !self.eat(",") {
                return Err(self.unexpected(&["}", ","]));
            }
        }
    }

    fn matcher_of(&mut self, name: String) -> Result<Matcher, ParseError> {
        let op = match self.symbol() {
            "=" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            "=~" => MatchOp::Regex,
            "!~" => MatchOp::NotRegex,
            _ => return Err(self.unexpected(&["=", "=~", "!~", "!="])),
        };
        self.advance();
        let value = self.text()?;
        new_matcher(op, name, value)
    }

    /// Stages until something that is none, `| unwrap` included.
    pub(super) fn stages(&mut self) -> Result<Vec<Stage>, ParseError> {
        let mut stages = Vec::new();
        loop {
            match self.symbol() {
                "|" if self.symbol_after(1) == "unwrap" => return Ok(stages),
                "|" => {
                    self.advance();
                    stages.push(self.piped_stage()?);
                }
                "|=" => self.line_filters(LineOp::Contains, &mut stages)?,
                "!=" => self.line_filters(LineOp::NotContains, &mut stages)?,
                "|~" => self.line_filters(LineOp::Regex, &mut stages)?,
                "!~" => self.line_filters(LineOp::NotRegex, &mut stages)?,
                "|>" => self.line_filters(LineOp::Pattern, &mut stages)?,
                "!>" => self.line_filters(LineOp::NotPattern, &mut stages)?,
                _ => return Ok(stages),
            }
        }
    }

    /// A filter and its `or` operands. "None of a, b" is "not a" and "not b".
    fn line_filters(&mut self, op: LineOp, stages: &mut Vec<Stage>) -> Result<(), ParseError> {
        self.advance();
        let mut operands = vec![self.line_operand()?];
        while self.symbol() == "or" && self.operand_follows() {
            self.advance();
            operands.push(self.line_operand()?);
        }
        let groups = if op.is_negative() {
            operands.into_iter().map(|operand| vec![operand]).collect()
        } else {
            vec![operands]
        };
        stages.extend(
            groups
                .into_iter()
                .map(|operands| Stage::LineFilter(LineFilter { op, operands })),
        );
        Ok(())
    }

    fn operand_follows(&self) -> bool {
        let next = self.tokens.get(self.position + 1).map(|token| &token.kind);
        matches!(next, Some(Kind::Text(_) | Kind::Symbol("ip")))
    }

    fn line_operand(&mut self) -> Result<LineOperand, ParseError> {
        match self.kind() {
            Kind::Text(_) => Ok(LineOperand::Text(self.text()?)),
            Kind::Symbol("ip") => Ok(LineOperand::Ip(self.ip_argument()?)),
            _ => Err(self.unexpected(&["STRING", "ip"])),
        }
    }

    fn ip_argument(&mut self) -> Result<String, ParseError> {
        self.expect("ip")?;
        self.expect("(")?;
        let pattern = self.text()?;
        self.expect(")")?;
        Ok(pattern)
    }

    fn piped_stage(&mut self) -> Result<Stage, ParseError> {
        let symbol = self.symbol();
        if matches!(self.kind(), Kind::Identifier(_)) || symbol == "(" {
            return Ok(Stage::LabelFilter(self.label_filter()?));
        }
        self.advance();
        Ok(match symbol {
            "json" => Stage::Json(self.extractions()?),
            "logfmt" => self.logfmt()?,
            "regexp" => Stage::Regexp(self.text()?),
            "pattern" => Stage::Pattern(self.text()?),
            "unpack" => Stage::Unpack,
            "line_format" => Stage::LineFormat(self.text()?),
            "label_format" => Stage::LabelFormat(self.label_formats()?),
            "decolorize" => Stage::Decolorize,
            "drop" => Stage::Drop(self.label_refs()?),
            "keep" => Stage::Keep(self.label_refs()?),
            _ => {
                if self.position > 0
                    && self.tokens[self.position - 1].kind == Kind::Symbol(symbol)
                    && !symbol.is_empty()
                {
                    self.position -= 1;
                }
                return Err(self.unexpected(&[]));
            }
        })
    }

    fn logfmt(&mut self) -> Result<Stage, ParseError> {
        let mut stage = LogfmtStage::default();
        while let Kind::Flag(flag) = self.kind() {
            if flag == "--strict" {
                stage.strict = true;
            } else {
                stage.keep_empty = true;
            }
            self.advance();
        }
        stage.extract = self.extractions()?;
        Ok(Stage::Logfmt(stage))
    }

    fn extractions(&mut self) -> Result<Vec<Extraction>, ParseError> {
        let mut list = Vec::new();
        if !matches!(self.kind(), Kind::Identifier(_)) {
            return Ok(list);
        }
        loop {
            let label = self.identifier()?;
            let path = if self.eat("=") { self.text()? } else { label.clone() };
            list.push(Extraction { label, path });
            if !self.eat(",") {
                return Ok(list);
            }
        }
    }

    fn label_formats(&mut self) -> Result<Vec<LabelFormat>, ParseError> {
        let mut list = Vec::new();
        loop {
            let name = self.identifier()?;
            self.expect("=")?;
            let value = match self.kind() {
                Kind::Identifier(_) => LabelFormatValue::Rename(self.identifier()?),
                Kind::Text(_) => LabelFormatValue::Template(self.text()?),
                _ => return Err(self.unexpected(&["IDENTIFIER", "STRING"])),
            };
            list.push(LabelFormat { name, value });
            if !self.eat(",") {
                return Ok(list);
            }
        }
    }

    fn label_refs(&mut self) -> Result<Vec<LabelRef>, ParseError> {
        let mut list = Vec::new();
        loop {
            let name = self.identifier()?;
            list.push(match self.symbol() {
                "=" | "!=" | "=~" | "!~" => LabelRef::Matcher(self.matcher_of(name)?),
                _ => LabelRef::Name(name),
            });
            if !self.eat(",") {
                return Ok(list);
            }
        }
    }

    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, ParseError> {
        let mut left = self.label_filter_and()?;
        while self.eat("or") {
            let right = self.label_filter_and()?;
            left = LabelFilter::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn label_filter_and(&mut self) -> Result<LabelFilter, ParseError> {
        let mut left = self.label_filter_list()?;
        while self.eat("and") {
            let right = self.label_filter_list()?;
            left = LabelFilter::And(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// A comma, or nothing, between two filters joins the first with all that follows.
    fn label_filter_list(&mut self) -> Result<LabelFilter, ParseError> {
        let first = self.label_filter_unit()?;
        if !self.eat(",") && !matches!(self.kind(), Kind::Identifier(_) | Kind::Symbol("(")) {
            return Ok(first);
        }
        self.enter()?;
        let rest = self.label_filter()?;
        self.leave();
        Ok(LabelFilter::And(Box::new(first), Box::new(rest)))
    }

    fn label_filter_unit(&mut self) -> Result<LabelFilter, ParseError> {
        if self.eat("(") {
            self.enter()?;
            let inner = self.label_filter()?;
            self.leave();
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.identifier()?;
        let symbol = self.symbol();
        let op = match symbol {
            "=~" | "!~" => return Ok(LabelFilter::Matcher(self.matcher_of(name)?)),
            "=" | "==" => CompareOp::Equal,
            "!=" => CompareOp::NotEqual,
            ">" => CompareOp::Greater,
            ">=" => CompareOp::GreaterEqual,
            "<" => CompareOp::Less,
            "<=" => CompareOp::LessEqual,
            _ => return Err(self.unexpected(&[])),
        };
        self.advance();
        let takes_text = matches!(symbol, "=" | "!=");
        match self.kind() {
            Kind::Text(_) if takes_text => {
                let op = if symbol == "=" {
                    MatchOp::Equal
                } else {
                    MatchOp::NotEqual
                };
                Ok(LabelFilter::Matcher(new_matcher(op, name, self.text()?)?))
            }
            Kind::Symbol("ip") if takes_text => Ok(LabelFilter::Ip {
                name,
                negated: symbol == "!=",
                pattern: self.ip_argument()?,
            }),
            _ => Ok(LabelFilter::Compare {
                name,
                op,
                value: self.quantity()?,
            }),
        }
    }

    fn quantity(&mut self) -> Result<Quantity, ParseError> {
        let value = match self.kind() {
            Kind::Duration(duration_ns) => Quantity::DurationNs(*duration_ns),
            Kind::Bytes(bytes) => Quantity::Bytes(*bytes),
            _ => return Ok(Quantity::Number(self.signed_number()?)),
        };
        self.advance();
        Ok(value)
    }

    /// `NUMBER`, `+ NUMBER` or `- NUMBER`.
    pub(super) fn signed_number(&mut self) -> Result<f64, ParseError> {
        let negative = self.symbol() == "-";
        let signed = self.eat("-") || self.eat("+");
        let Kind::Number(text) = self.kind() else {
            return Err(self.unexpected(if signed { &["NUMBER"] } else { &[] }));
        };
        let value = parse_literal(text)?;
        self.advance();
        Ok(if negative { -value } else { value })
    }
}

pub(super) fn parse_literal(text: &str) -> Result<f64, ParseError> {
    crate::gofmt::parse_float(text)
        .map_err(|error| ParseError::whole(format!("unable to parse literal as a float: {error}")))
}

fn new_matcher(op: MatchOp, name: String, value: String) -> Result<Matcher, ParseError> {
    Matcher::new(op, name, value).map_err(|error| ParseError::whole(error.to_string()))
}
