//! Finds the silences that may match a label set without asking all of them.

use std::collections::{BTreeSet, HashMap};

use skopos_core::Labels;

use super::Silence;
use crate::{MatchOp, Matcher};

/// Ids of silences by one equality matcher of each; the rest must always be asked.
#[derive(Debug, Default)]
pub(super) struct SilenceIndex {
    by_label: HashMap<String, HashMap<String, BTreeSet<String>>>,
    others: BTreeSet<String>,
}

impl SilenceIndex {
    pub(super) fn insert(&mut self, silence: &Silence) {
        let ids = match anchor(silence) {
            Some(matcher) => self
                .by_label
                .entry(matcher.name().to_owned())
                .or_default()
                .entry(matcher.value().to_owned())
                .or_default(),
            None => &mut self.others,
        };
        ids.insert(silence.id.clone());
    }

    pub(super) fn remove(&mut self, silence: &Silence) {
        let Some(matcher) = anchor(silence) else {
            self.others.remove(&silence.id);
            return;
        };
        let Some(values) = self.by_label.get_mut(matcher.name()) else {
            return;
        };
        if let Some(ids) = values.get_mut(matcher.value()) {
            ids.remove(&silence.id);
            if ids.is_empty() {
                values.remove(matcher.value());
            }
        }
        if values.is_empty() {
            self.by_label.remove(matcher.name());
        }
    }

    /// Ids of silences that may match; each once, in no order.
    pub(super) fn candidates<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a str> {
        let indexed = labels
            .iter()
            .filter_map(|(name, value)| self.by_label.get(name)?.get(value))
            .flatten();
        indexed.chain(&self.others).map(String::as_str)
    }
}

/// An equality matcher that cannot match an absent label.
fn anchor(silence: &Silence) -> Option<&Matcher> {
    let is_anchor = |matcher: &&Matcher| matcher.op() == MatchOp::Equal && !matcher.value().is_empty();
    silence.matchers.iter().find(is_anchor)
}
