//! Several matchers, all of which must match.

use std::fmt;

use skopos_core::Labels;

use super::Matcher;

/// Matchers that must all match; none match everything. Sorted, as in group keys.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// The matchers in the order of group keys.
    pub fn new(mut matchers: Vec<Matcher>) -> Self {
        matchers.sort();
        Self(matchers)
    }

    /// These and others.
    pub fn and(&self, others: &[Matcher]) -> Self {
        Self::new(self.0.iter().chain(others).cloned().collect())
    }

    /// Whether all of them match the label set.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches_labels(labels))
    }

    /// The matchers, sorted by name, value and operator.
    pub fn as_slice(&self) -> &[Matcher] {
        &self.0
    }

    /// The matchers, sorted by name, value and operator.
    pub fn iter(&self) -> std::slice::Iter<'_, Matcher> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Matchers {
    type Item = &'a Matcher;
    type IntoIter = std::slice::Iter<'a, Matcher>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Matcher> for Matchers {
    fn from_iter<I: IntoIterator<Item = Matcher>>(matchers: I) -> Self {
        Self::new(matchers.into_iter().collect())
    }
}

impl fmt::Debug for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `{a="b",c=~"d"}`, as in group keys.
impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, matcher) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{matcher}")?;
        }
        f.write_str("}")
    }
}
