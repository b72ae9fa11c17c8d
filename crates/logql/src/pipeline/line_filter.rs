//! Tests of lines: texts, regular expressions, patterns, addresses.

use memchr::memmem::Finder;
use regex::Regex;

use crate::ast::{LineFilter, LineOp, LineOperand};
use crate::error::EvalError;
use crate::ip::IpFilter;
use crate::pattern::Pattern;

#[derive(Debug)]
enum Test {
    Always,
    Contains(Box<Finder<'static>>),
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpFilter),
}

/// A compiled line filter.
#[derive(Debug)]
pub(crate) struct LineTest {
    negated: bool,
    any: Vec<Test>,
}

impl LineTest {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, EvalError> {
        let tests = filter.operands.iter().map(|operand| Test::new(filter.op, operand));
        Ok(Self {
            negated: filter.op.is_negative(),
            any: tests.collect::<Result<_, _>>().map_err(EvalError::Stage)?,
        })
    }

    pub(crate) fn passes(&self, line: &str) -> bool {
        self.any.iter().any(|test| test.matches(line)) != self.negated
    }
}

impl Test {
    fn new(op: LineOp, operand: &LineOperand) -> Result<Self, String> {
        let text = match operand {
            LineOperand::Ip(pattern) if matches!(op, LineOp::Contains | LineOp::NotContains) => {
                return Ok(Self::Ip(IpFilter::new(pattern)?));
            }
            LineOperand::Ip(_) => return Err("ip: invalid operation".to_owned()),
            LineOperand::Text(text) => text,
        };
        Ok(match op {
            LineOp::Contains | LineOp::NotContains if text.is_empty() => Self::Always,
            LineOp::Contains | LineOp::NotContains => Self::contains(text),
            LineOp::Regex | LineOp::NotRegex => Self::regex(text)?,
            LineOp::Pattern | LineOp::NotPattern => Self::Pattern(Pattern::for_filter(text)?),
        })
    }

    fn contains(text: &str) -> Self {
        Self::Contains(Box::new(Finder::new(text).into_owned()))
    }

    /// A regular expression, or a plainer test where it is one in disguise.
    fn regex(pattern: &str) -> Result<Self, String> {
        let core = pattern.strip_prefix(".*").unwrap_or(pattern);
        let core = core.strip_suffix(".*").unwrap_or(core);
        if core.is_empty() {
            return Ok(Self::Always);
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '/' | ':' | ',' | '"' | '=' | '@');
        if core.chars().all(plain) {
            return Ok(Self::contains(core));
        }
        Ok(Self::Regex(skopos_core::re2::compile(pattern)?))
    }

    fn matches(&self, line: &str) -> bool {
        match self {
            Self::Always => true,
            Self::Contains(finder) => finder.find(line.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(line),
            Self::Pattern(pattern) => pattern.matches(line),
            Self::Ip(filter) => filter.matches(line),
        }
    }
}
