//! Label matchers: `=`, `!=`, `=~`, `!~`. A label that is absent matches as an empty text.

use std::fmt;

use regex::Regex;

use crate::Labels;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// The operator as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    /// Whether the operator negates.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotRegex)
    }
}

/// A condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
    literals: Option<Vec<String>>,
}

/// A regular expression that does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp {pattern:?}: {reason}")]
pub struct MatcherError {
    /// The pattern as given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Most alternatives a pattern is split into for index lookups.
const MAX_LITERALS: usize = 256;

impl Matcher {
    /// Makes a matcher; fails if a pattern does not compile. Patterns are anchored at both ends
    /// and `.` matches newlines, as in Prometheus 3.
    pub fn new(op: MatchOp, name: impl Into<String>, value: impl Into<String>) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let (regex, literals) = match op {
            MatchOp::Equal | MatchOp::NotEqual => (None, None),
            MatchOp::Regex | MatchOp::NotRegex => (Some(anchored_regex(&value)?), literal_alternatives(&value)),
        };
        Ok(Self {
            name,
            op,
            value,
            regex,
            literals,
        })
    }

    /// The matcher `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
            literals: None,
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
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => self.pattern_matches(value),
            MatchOp::NotRegex => !self.pattern_matches(value),
        }
    }

    /// Whether the label set matches.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name))
    }

    /// Whether series without the label match.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// The complete list of values that a `=` or `=~` matcher accepts, where it is short and made
    /// of literals (`a|b|c`): an index can look them up one by one.
    pub fn literal_values(&self) -> Option<&[String]> {
        match self.op {
            MatchOp::Equal => Some(std::slice::from_ref(&self.value)),
            MatchOp::Regex => self.literals.as_deref(),
            MatchOp::NotEqual | MatchOp::NotRegex => None,
        }
    }

    fn pattern_matches(&self, value: &str) -> bool {
        match (&self.literals, &self.regex) {
            (Some(literals), _) => literals.iter().any(|literal| literal == value),
            (None, Some(regex)) => regex.is_match(value),
            (None, None) => false,
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for Matcher {}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.op, &self.value).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

/// Whether all matchers match the label set.
pub fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches_labels(labels))
}

/// Compiles a pattern as Prometheus does: RE2, anchored at both ends, `.` matching newlines too.
pub fn anchored_regex(pattern: &str) -> Result<Regex, MatcherError> {
    crate::re2::check(pattern).map_err(|reason| MatcherError {
        pattern: pattern.to_owned(),
        reason,
    })?;
    Regex::new(&format!("^(?s:{})$", crate::re2::translate(pattern))).map_err(|error| MatcherError {
        pattern: pattern.to_owned(),
        reason: error.to_string(),
    })
}

fn literal_alternatives(pattern: &str) -> Option<Vec<String>> {
    let is_literal = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '/' | ' ' | ',' | '@' | '=' | '|');
    if !pattern.chars().all(is_literal) {
        return None;
    }
    let alternatives: Vec<String> = pattern.split('|').map(str::to_owned).collect();
    (alternatives.len() <= MAX_LITERALS).then_some(alternatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(op: MatchOp, value: &str) -> Matcher {
        Matcher::new(op, "l", value).expect("the test's pattern compiles")
    }

    #[test]
    fn patterns_are_anchored_and_cross_lines() {
        assert!(matcher(MatchOp::Regex, "a.c").matches("a\nc"));
        assert!(!matcher(MatchOp::Regex, "b").matches("abc"));
        assert!(matcher(MatchOp::NotRegex, "b").matches("abc"));
        assert!(matcher(MatchOp::Regex, "a|").matches(""));
        assert!(matcher(MatchOp::Regex, "{a}").matches("{a}"));
        assert!(!matcher(MatchOp::Regex, "\\d").matches("٣"));
        assert_eq!(
            matcher(MatchOp::Regex, "a|bc").literal_values(),
            Some(&["a".to_owned(), "bc".to_owned()][..])
        );
        assert_eq!(matcher(MatchOp::Regex, "a.*").literal_values(), None);
    }

    #[test]
    fn a_broken_pattern_is_an_error() {
        let error = Matcher::new(MatchOp::Regex, "l", "a(").expect_err("unclosed group");
        assert_eq!(error.pattern, "a(");
    }
}
