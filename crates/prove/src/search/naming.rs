//! The labels of a series that is made: those that a selector and a join ask for, apart from those of
//! others where it must be another one.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::ast::VectorSelector;

use super::{Halt, Search, Stuck};
use crate::inline::metric_name;
use crate::key::Key;
use crate::state::selects;
use crate::universe::{accepts, plain_value, suggested};

impl<'a> Search<'a> {
    pub(super) fn labels_for(
        &mut self,
        selector: &'a VectorSelector,
        key: &Key,
    ) -> Result<BTreeMap<String, String>, Halt> {
        let mut names: Vec<&str> = selector.matchers.iter().map(skopos_core::Matcher::name).collect();
        names.extend(key.fixed.keys().map(String::as_str));
        names.extend(key.wanted.iter().map(String::as_str));
        names.extend(self.context.universe.labels().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        let mut labels = BTreeMap::new();
        for name in names {
            match self.value_for(selector, key, name) {
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    labels.insert(name.to_owned(), value);
                }
                Err(why) => {
                    self.stuck.get_or_insert(Stuck { pos: selector.pos, why });
                    return Err(Halt::Stuck);
                }
            }
        }
        if !labels.contains_key(METRIC_NAME) {
            labels.insert(METRIC_NAME.to_owned(), "metric".to_owned());
        }
        Ok(labels)
    }

    /// A value for a label of a new series; empty leaves the label out.
    fn value_for(&self, selector: &VectorSelector, key: &Key, name: &str) -> Result<String, String> {
        if let Some(value) = key.fixed.get(name) {
            if !accepts(selector, name, value) {
                return Err(if value.is_empty() {
                    format!("label {name} must be absent to join the other side, but this selector requires it")
                } else {
                    format!("label {name} must be {value:?} to join the other side, but this selector excludes it")
                });
            }
            let is_wanted = key.wanted.contains(name) && value.is_empty();
            if is_wanted {
                return Err(format!(
                    "label {name} must be absent to join the other side, which does not carry it"
                ));
            }
            return Ok(value.clone());
        }
        if name != METRIC_NAME && !key.is_free(name) {
            return if accepts(selector, name, "") {
                Ok(String::new())
            } else {
                Err(format!(
                    "label {name} is required here, but the other side does not carry it"
                ))
            };
        }
        let mut candidates = self.candidates(selector, name);
        candidates.push(String::new());
        let fitting = candidates.into_iter().find(|value| accepts(selector, name, value));
        fitting.ok_or_else(|| format!("no value of label {name} satisfies this selector"))
    }

    fn candidates(&self, selector: &VectorSelector, name: &str) -> Vec<String> {
        let mut candidates = self.context.universe.values(name, self.context.strategy.variant);
        if name == METRIC_NAME {
            candidates.clear();
            candidates.extend(metric_name(selector).map(str::to_owned));
            candidates.push("metric".to_owned());
        }
        candidates.extend(suggested(selector, name));
        candidates
    }

    /// Changes labels so that selectors which must find nothing do not find this series.
    pub(super) fn evade(&self, selector: &'a VectorSelector, key: &Key, labels: &mut BTreeMap<String, String>) {
        let unwanted = self.context.unwanted.iter().chain(&self.avoided);
        for other in unwanted {
            if std::ptr::eq(*other, selector) || !selects(other, &Labels::from_pairs(&*labels)) {
                continue;
            }
            let escape = other
                .matchers
                .iter()
                .filter(|matcher| key.is_free(matcher.name()))
                .find_map(|matcher| {
                    let name = matcher.name();
                    let mut candidates = self.candidates(selector, name);
                    candidates.extend([plain_value(name), format!("other-{name}"), String::new()]);
                    let value = candidates
                        .into_iter()
                        .find(|value| !matcher.matches(value) && accepts(selector, name, value))?;
                    Some((name, value))
                });
            if let Some((name, value)) = escape {
                labels.insert(name.to_owned(), value);
                labels.retain(|_, value| !value.is_empty());
            }
        }
    }

    /// Gives every label that is open another value, so that the series is a new one.
    pub(super) fn vary(
        &mut self,
        selector: &'a VectorSelector,
        key: &Key,
        labels: &mut BTreeMap<String, String>,
    ) -> Result<(), Halt> {
        let number = self.state.series.len() + 1;
        let mut is_new = false;
        for (name, value) in labels.iter_mut() {
            let is_name = name == METRIC_NAME;
            if !key.is_free(name) && !is_name || is_name && key.fixed.contains_key(name) {
                continue;
            }
            let taken = |value: &String| {
                let mut known = self.state.series.iter();
                known.any(|variable| variable.labels.get(name) == value)
            };
            let mut candidates = vec![format!("{name}-{number}")];
            if is_name {
                candidates = vec![format!("{value}_{number}")];
            }
            candidates.extend(suggested(selector, name));
            let other = candidates
                .into_iter()
                .find(|value| !taken(value) && accepts(selector, name, value));
            if let Some(other) = other {
                *value = other;
                is_new = true;
            }
        }
        let spare = ["instance", "series"]
            .into_iter()
            .find(|name| key.is_free(name) && !labels.contains_key(*name));
        if let (false, Some(name)) = (is_new, spare) {
            labels.insert(name.to_owned(), format!("{name}-{number}"));
            is_new = true;
        }
        if is_new {
            return Ok(());
        }
        self.note(
            selector.pos,
            "a second series is needed, but the labels leave room for one only".to_owned(),
        );
        Err(Halt::Stuck)
    }
}
