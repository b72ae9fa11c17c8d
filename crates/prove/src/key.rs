//! What is asked of the labels of a series while a goal travels down an expression.

use std::collections::{BTreeMap, BTreeSet};

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::ast::VectorMatching;

/// Conditions on labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key {
    /// Labels with one value; empty says that the label is absent.
    pub(crate) fixed: BTreeMap<String, String>,
    /// If set, labels other than these and the fixed ones are absent.
    pub(crate) closed: Option<BTreeSet<String>>,
    /// Labels that the result should carry.
    pub(crate) wanted: BTreeSet<String>,
    /// Asks for series that are not there yet.
    pub(crate) is_fresh: bool,
}

impl Key {
    /// Exactly these labels, the name aside.
    pub(crate) fn exactly(labels: &Labels) -> Self {
        Self {
            fixed: pairs(labels),
            closed: Some(BTreeSet::new()),
            ..Self::default()
        }
    }

    /// Whether a result with these labels is meant.
    pub(crate) fn admits(&self, labels: &Labels) -> bool {
        let fixed = self.fixed.iter().all(|(name, value)| labels.get(name) == value);
        let closed = self.closed.as_ref().is_none_or(|free| {
            labels
                .iter()
                .all(|(name, _)| name == METRIC_NAME || free.contains(name) || self.fixed.contains_key(name))
        });
        fixed && closed
    }

    /// Whether the label's value is open.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        !self.fixed.contains_key(name) && self.closed.as_ref().is_none_or(|free| free.contains(name))
    }

    /// The same without the wish for new series.
    pub(crate) fn settled(&self) -> Self {
        Self {
            is_fresh: false,
            ..self.clone()
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fixed.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What the other side of a binary operation must carry to meet an element.
    pub(crate) fn partner(labels: &Labels, matching: &VectorMatching) -> Self {
        let mut key = Self::default();
        if matching.on {
            for name in &matching.labels {
                key.fixed.insert(name.clone(), labels.get(name).to_owned());
            }
            return key;
        }
        key.fixed = pairs(labels);
        key.fixed.retain(|name, _| !matching.labels.contains(name));
        key.closed = Some(matching.labels.iter().cloned().collect());
        key
    }

    /// What elements under an aggregation must carry; the label that it drops but that is asked
    /// for, if there is one.
    pub(crate) fn under_aggregation(&self, grouping: &[String], without: bool) -> Result<Self, String> {
        let dropped = |name: &String| grouping.contains(name) == without;
        let lost = self
            .fixed
            .iter()
            .find(|(name, value)| dropped(name) && !value.is_empty());
        if let Some((name, _)) = lost {
            return Err(name.clone());
        }
        let mut key = self.clone();
        key.fixed.retain(|name, _| !dropped(name));
        key.wanted.retain(|name| !dropped(name));
        if without {
            if let Some(free) = &mut key.closed {
                free.extend(grouping.iter().cloned());
            }
        } else {
            if let Some(free) = &self.closed {
                let pinned = grouping
                    .iter()
                    .filter(|name| *name != METRIC_NAME && !free.contains(*name));
                for name in pinned {
                    key.fixed.entry(name.clone()).or_default();
                }
            }
            key.closed = None;
            key.wanted.extend(grouping.iter().cloned());
        }
        Ok(key)
    }
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(name, _)| *name != METRIC_NAME)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
