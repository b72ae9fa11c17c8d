//! Goals that reach a selector: series that are there are changed, missing ones are made.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

use super::{Attempt, Goal, Halt, Outcome, Search, Stuck, Wish};
use crate::inline::{Replaced, metric_name};
use crate::key::Key;
use crate::range::Range;
use crate::state::selects;
use crate::universe::{accepts, plain_value, suggested};
use crate::variable::{Shape, Variable};

/// Series of a proof at most.
const MAX_SERIES: usize = 20_000;
/// Series of one selector that are tried one by one.
const MAX_TRIED: usize = 6;

/// The expression by which a change is checked, and its goal.
pub(super) type Probe<'a> = Option<(&'a Expr, Goal)>;

impl<'a> Search<'a> {
    /// Makes a goal hold for the series of a selector.
    pub(super) fn aim_series(
        &mut self,
        selector: &'a VectorSelector,
        goal: Goal,
        key: &Key,
        probe: Probe<'a>,
    ) -> Outcome {
        match goal.wish {
            Wish::Present(range) => self.series_present(selector, range, goal, key, probe),
            Wish::Never(range) if range.is_all() => self.series_absent(selector, goal, key),
            Wish::Never(range) => self.series_elsewhere(selector, range, goal, key, probe),
        }
    }

    fn series_present(
        &mut self,
        selector: &'a VectorSelector,
        range: Range,
        goal: Goal,
        key: &Key,
        probe: Probe<'a>,
    ) -> Outcome {
        let mut attempts: Vec<Attempt<'_, 'a>> = Vec::new();
        if !key.is_fresh {
            let mut known = self.state.matching(selector);
            known.retain(|index| key.admits(&self.state.series[*index].labels));
            for index in known.into_iter().take(MAX_TRIED) {
                attempts.extend(self.changes_of(index, selector, range, goal, probe));
            }
        }
        if attempts.is_empty() || !self.state.series.iter().any(|variable| variable.is_frozen) {
            attempts.push(Box::new(move |search| {
                search.create_for(selector, range, goal, key, probe)
            }));
        }
        self.choose(attempts, probe, key)
    }

    /// Tries choices; without a probe the first that can be made is taken.
    pub(super) fn choose(&mut self, attempts: Vec<Attempt<'_, 'a>>, probe: Probe<'a>, key: &Key) -> Outcome {
        if let Some((expr, goal)) = probe {
            return self.try_each(expr, goal, key, attempts);
        }
        for attempt in attempts {
            let saved = self.state.clone();
            match attempt(self) {
                Ok(()) => return Ok(()),
                Err(Halt::Spent) => return Err(Halt::Spent),
                Err(Halt::Stuck) => self.state = saved,
            }
        }
        Err(Halt::Stuck)
    }

    fn create_for(
        &mut self,
        selector: &'a VectorSelector,
        range: Range,
        goal: Goal,
        key: &Key,
        probe: Probe<'a>,
    ) -> Outcome {
        let index = self.create(selector, key)?;
        let changes = self.changes_of(index, selector, range, goal, probe);
        self.choose(changes, probe, &key.settled())
    }

    /// No series of the selector may be there in the window.
    fn series_absent(&mut self, selector: &'a VectorSelector, goal: Goal, key: &Key) -> Outcome {
        let indexes = self.state.matching(selector);
        let concerned: Vec<usize> = indexes
            .into_iter()
            .filter(|index| key.admits(&self.state.series[*index].labels))
            .collect();
        for index in concerned.iter().rev() {
            if !self.state.series[*index].is_needed {
                self.state.series.remove(*index);
                continue;
            }
            if !self.end_before(*index, selector, goal) {
                self.note(
                    selector.pos,
                    "the series that must be absent here is needed elsewhere".to_owned(),
                );
                return Err(Halt::Stuck);
            }
        }
        Ok(())
    }

    /// Values of the selector's series leave a range.
    fn series_elsewhere(
        &mut self,
        selector: &'a VectorSelector,
        range: Range,
        goal: Goal,
        key: &Key,
        probe: Probe<'a>,
    ) -> Outcome {
        let mut attempts: Vec<Attempt<'_, 'a>> = Vec::new();
        for part in range.complement() {
            attempts.push(Box::new(move |search| {
                for index in search.state.matching(selector) {
                    if key.admits(&search.state.series[index].labels) {
                        let changes = search.changes_of(index, selector, part, goal, None);
                        search.choose(changes, None, key)?;
                    }
                }
                Ok(())
            }));
        }
        attempts.push(Box::new(move |search| search.series_absent(selector, goal, key)));
        self.choose(attempts, probe, key)
    }

    /// Makes a series that the selector reads; gives its index.
    pub(crate) fn create(&mut self, selector: &'a VectorSelector, key: &Key) -> Result<usize, Halt> {
        if self.state.series.len() >= MAX_SERIES {
            self.note(selector.pos, format!("more than {MAX_SERIES} series would be needed"));
            return Err(Halt::Stuck);
        }
        let mut labels = self.labels_for(selector, key)?;
        self.evade(selector, key, &mut labels);
        let meets = |other: &&VectorSelector| selects(other, &Labels::from_pairs(&labels));
        if key.is_fresh && self.avoided.iter().any(meets) {
            let why = "another series here would change what another part of the expression relies on";
            self.note(selector.pos, why.to_owned());
            return Err(Halt::Stuck);
        }
        let is_taken = |search: &Self, labels: &BTreeMap<String, String>| {
            let labels = Labels::from_pairs(labels);
            search.state.series.iter().any(|variable| variable.labels == labels)
        };
        if key.is_fresh || is_taken(self, &labels) {
            self.vary(selector, key, &mut labels)?;
        }
        let labels = Labels::from_pairs(&labels);
        if !selects(selector, &labels) {
            self.note(
                selector.pos,
                "no labels satisfy all conditions of this selector".to_owned(),
            );
            return Err(Halt::Stuck);
        }
        self.state
            .series
            .push(Variable::new(labels, Shape::constant(self.plain_level)));
        Ok(self.state.series.len() - 1)
    }

    fn labels_for(&mut self, selector: &'a VectorSelector, key: &Key) -> Result<BTreeMap<String, String>, Halt> {
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
    fn evade(&self, selector: &'a VectorSelector, key: &Key, labels: &mut BTreeMap<String, String>) {
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
    fn vary(
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

    /// What recorded series must carry, as conditions on what records them.
    pub(super) fn key_of_recorded(&self, replaced: &Replaced, key: &Key) -> Key {
        let mut key = key.clone();
        for matcher in &replaced.matchers {
            let name = matcher.name();
            if key.fixed.contains_key(name) || matcher.matches_empty() {
                continue;
            }
            let values = self.context.universe.values(name, self.context.strategy.variant);
            if let Some(value) = values.into_iter().find(|value| matcher.matches(value)) {
                key.fixed.insert(name.to_owned(), value);
            }
        }
        key
    }
}
