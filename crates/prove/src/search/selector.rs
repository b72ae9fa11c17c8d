//! Goals that reach a selector: series that are there are changed, missing ones are made.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

use super::{Attempt, Goal, Halt, Outcome, Search, Wish};
use crate::inline::Replaced;
use crate::key::Key;
use crate::range::Range;
use crate::state::selects;
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
            match self.undoing(attempt) {
                Err(Halt::Stuck) => {}
                done => return done,
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
