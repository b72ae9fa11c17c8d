//! Label matchers of routes, inhibition rules, silences and API filters.
//!
//! They differ from those of PromQL in their grammar and printed form, and in that `.` does not
//! match a newline. [`ParserMode::parse`] reads them.

mod classic;
mod error;
mod list;
mod mode;
mod utf8;

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;
use skopos_core::Labels;
use skopos_template::quote;

pub use skopos_core::MatchOp;

pub use self::error::{MatcherError, PatternError};
pub use self::list::Matchers;
pub use self::mode::{ParseWarning, ParserMode};

/// A condition on one label. A label that is absent matches as an empty text.
#[derive(Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
}

impl Matcher {
    /// Makes a matcher; fails if a pattern does not compile. Patterns are RE2 and anchored at both
    /// ends.
    pub fn new(op: MatchOp, name: impl Into<String>, value: impl Into<String>) -> Result<Self, PatternError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                Some(skopos_core::re2::compile_anchored(&value).map_err(PatternError::new)?)
            }
        };
        Ok(Self { name, op, value, regex })
    }

    /// The matcher `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
        }
    }

    /// The label's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The text or pattern compared with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label value matches; an absent label is an empty text.
    pub fn matches(&self, value: &str) -> bool {
        let is_equal = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        is_equal != self.op.is_negative()
    }

    /// Whether the label set matches.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name))
    }
}

/// Alertmanager's order of the operators.
fn rank(op: MatchOp) -> u8 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Matcher {}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By name, then value, then operator: the order inside group keys.
impl Ord for Matcher {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.name, &self.value, rank(self.op)).cmp(&(&other.name, &other.value, rank(other.op)))
    }
}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, &self.value, rank(self.op)).hash(state);
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether an unquoted name or value cannot hold the character.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Alertmanager's printed form. The name is quoted only where it must be, so that the classic
/// parser understands all names that it can.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op.as_str();
        if self.name.contains(is_reserved) {
            return write!(f, "{}{op}{}", quote(&self.name), quote(&self.value));
        }
        let value = self
            .value
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"");
        write!(f, "{}{op}\"{value}\"", self.name)
    }
}

#[cfg(test)]
mod tests;
