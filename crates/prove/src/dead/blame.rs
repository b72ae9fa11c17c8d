//! Which condition keeps a selector from matching, and what exists that is named alike. Conditions are taken out one
//! at a time: the one without which there are series is to blame.

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricSource;
use skopos_core::{MatchOp, Matcher, ReadError, TimeRange};

use super::Cause;
use super::similar::nearest;

/// A label with so few values has them all told, however unlike they are.
const FEW_VALUES: usize = 3;

/// What is to blame, in words, and what exists that is named alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blame {
    pub(super) cause: Cause,
    pub(super) why: String,
    pub(super) nearest: Vec<String>,
}

/// The series of a range of time.
#[derive(Debug)]
pub(super) struct Present<'a> {
    pub(super) source: &'a dyn MetricSource,
    pub(super) range: TimeRange,
    pub(super) max_nearest: usize,
}

impl Present<'_> {
    /// Why no series meets the conditions.
    pub(super) fn blame(&self, matchers: &[Matcher]) -> Result<Blame, ReadError> {
        let (names, others): (Vec<Matcher>, Vec<Matcher>) = matchers
            .iter()
            .cloned()
            .partition(|matcher| matcher.name() == METRIC_NAME);
        if let Some(name) = names.first()
            && !self.exists(&names)?
        {
            return self.blame_name(name);
        }
        let mut culprits = Vec::new();
        for (at, culprit) in others.iter().enumerate() {
            let mut rest = names.clone();
            rest.extend(
                others
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| *i != at)
                    .map(|(_, other)| other.clone()),
            );
            if self.exists(&rest)? {
                culprits.push((culprit, rest));
            }
        }
        match culprits.as_slice() {
            [(culprit, rest)] => self.blame_label(culprit, rest, &names),
            [] => self.blame_first(&others, &names),
            _ => self.blame_all(&culprits, &names),
        }
    }

    fn exists(&self, matchers: &[Matcher]) -> Result<bool, ReadError> {
        Ok(!self.source.label_values(METRIC_NAME, matchers, self.range)?.is_empty())
    }

    fn blame_name(&self, name: &Matcher) -> Result<Blame, ReadError> {
        let existing = self.source.label_values(METRIC_NAME, &[], self.range)?;
        let why = match name.op() {
            MatchOp::Equal => format!("no metric is named {}", name.value()),
            _ => format!("no metric has a name with {name}"),
        };
        Ok(Blame {
            cause: Cause::Metric,
            why,
            nearest: nearest(&wanted(name), &existing, self.max_nearest),
        })
    }

    /// One condition is to blame: the rest is met by series.
    fn blame_label(&self, culprit: &Matcher, rest: &[Matcher], names: &[Matcher]) -> Result<Blame, ReadError> {
        let subject = subject(names);
        let labels = self.source.label_names(rest, self.range)?;
        if !labels.iter().any(|label| label == culprit.name()) {
            let labels: Vec<String> = labels.into_iter().filter(|label| label != METRIC_NAME).collect();
            return Ok(Blame {
                cause: Cause::Label,
                why: format!("{subject} exist, but none has the label {}", culprit.name()),
                nearest: nearest(&[culprit.name().to_owned()], &labels, self.max_nearest),
            });
        }
        Ok(Blame {
            cause: Cause::Value,
            why: format!("{subject} exist, but none has {culprit}"),
            nearest: self.nearest_values(culprit, rest)?,
        })
    }

    /// Several conditions are met by no series: the first that is met by none alone is told.
    fn blame_first(&self, others: &[Matcher], names: &[Matcher]) -> Result<Blame, ReadError> {
        for culprit in others {
            let mut alone = names.to_vec();
            alone.push(culprit.clone());
            if !self.exists(&alone)? {
                return self.blame_label(culprit, names, names);
            }
        }
        let all: Vec<(&Matcher, Vec<Matcher>)> = others.iter().map(|other| (other, names.to_vec())).collect();
        self.blame_all(&all, names)
    }

    /// Each condition is met, but not together.
    fn blame_all(&self, culprits: &[(&Matcher, Vec<Matcher>)], names: &[Matcher]) -> Result<Blame, ReadError> {
        let conditions: Vec<String> = culprits.iter().map(|(culprit, _)| culprit.to_string()).collect();
        let mut found = Vec::new();
        for (culprit, rest) in culprits {
            found.extend(self.nearest_values(culprit, rest)?.into_iter().take(1));
        }
        found.truncate(self.max_nearest);
        Ok(Blame {
            cause: Cause::Combination,
            why: format!(
                "{} exist, but none has {} together",
                subject(names),
                conditions.join(", ")
            ),
            nearest: found,
        })
    }

    /// `label="value"` of the values most like the one that is asked for.
    fn nearest_values(&self, culprit: &Matcher, rest: &[Matcher]) -> Result<Vec<String>, ReadError> {
        let values = self.source.label_values(culprit.name(), rest, self.range)?;
        let mut found = nearest(&wanted(culprit), &values, self.max_nearest);
        if found.is_empty() && values.len() <= FEW_VALUES {
            found = values;
        }
        Ok(found
            .iter()
            .map(|value| format!("{}={value:?}", culprit.name()))
            .collect())
    }
}

/// What the conditions on the name speak of.
fn subject(names: &[Matcher]) -> String {
    match names {
        [] => "series".to_owned(),
        [name] if name.op() == MatchOp::Equal => format!("series of {}", name.value()),
        names => {
            let conditions: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!("series with {}", conditions.join(", "))
        }
    }
}

/// The texts that a condition asks for; of a pattern the parts that are plain text, and all of them as one.
fn wanted(matcher: &Matcher) -> Vec<String> {
    if let Some(literals) = matcher.literal_values() {
        return literals.to_vec();
    }
    let plain = |text: &str| -> String {
        let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '/');
        text.chars().filter(is_plain).collect()
    };
    let alternatives = matcher.value().split(['|', '(', ')']).map(plain);
    let mut texts: Vec<String> = alternatives.chain([plain(matcher.value())]).collect();
    texts.retain(|text| !text.is_empty());
    texts
}
