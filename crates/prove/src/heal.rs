//! Takes the cause away: how the input series can go on so that the expression has no result any
//! more. Healthy values come first; that series end is the last resort.

use std::sync::Arc;

use skopos_core::QueryBudget;
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

use crate::key::Key;
use crate::search::{Search, elements};
use crate::state::{State, Store};
use crate::variable::{Healing, Shape};

/// Series that are changed one by one.
const MAX_TRIED: usize = 12;

/// With more series only all at once are changed.
const MANY: usize = 200;

/// A way in which the alert resolves.
#[derive(Debug)]
pub(crate) struct Cure {
    /// The series with their healthy ends.
    pub(crate) state: State,
    /// What happens, for people.
    pub(crate) text: String,
}

/// How much is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doctor {
    /// As little as possible.
    Plain,
    /// All series at once.
    Thorough,
}

impl<'a> Search<'a> {
    /// A way to resolve, or nothing where the expression always has a result.
    pub(crate) fn heal(&mut self, doctor: Doctor) -> Option<Cure> {
        let healings = [
            Healing::Rest,
            Healing::Value(0.0),
            Healing::Value(1.0),
            Healing::Grow(1.0),
            Healing::Value(1e9),
        ];
        let number = self.state.series.len();
        let tried = if number > MANY || doctor == Doctor::Thorough {
            0
        } else {
            number.min(MAX_TRIED)
        };
        for healing in healings {
            for index in 0..tried {
                if let Some(cure) = self.cure(&[index], healing) {
                    return Some(cure);
                }
            }
        }
        if let Some(cure) = self.appearance() {
            return Some(cure);
        }
        let all: Vec<usize> = (0..number).collect();
        for healing in healings {
            if let Some(cure) = self.cure(&all, healing) {
                return Some(cure);
            }
        }
        for index in 0..tried {
            if let Some(cure) = self.cure(&[index], Healing::End) {
                return Some(cure);
            }
        }
        self.cure(&all, Healing::End)
    }

    fn cure(&mut self, indexes: &[usize], healing: Healing) -> Option<Cure> {
        if indexes.is_empty() || healing == Healing::Rest && indexes.iter().all(|at| self.is_resting(*at)) {
            return None;
        }
        let mut state = self.state.clone();
        for index in indexes {
            state.series[*index].shape.healing = Some(healing);
        }
        let what = match indexes {
            [only] => state.series[*only].labels.to_string(),
            _ => "all series".to_owned(),
        };
        self.is_quiet(&state).then(|| Cure {
            text: format!("{what} {}", verb(healing, indexes.len() > 1)),
            state,
        })
    }

    fn is_resting(&self, index: usize) -> bool {
        let shape = &self.state.series[index].shape;
        shape.slope == 0.0 && shape.toggle.is_none()
    }

    /// Series appear that were missing.
    fn appearance(&mut self) -> Option<Cure> {
        let mut missing: Vec<&'a VectorSelector> = Vec::new();
        self.context
            .expr
            .for_each_selector(&mut |selector| missing.push(selector));
        missing.retain(|selector| self.state.matching(selector).is_empty());
        let before = self.state.clone();
        for selector in missing {
            for level in [1.0, 0.0, 1e9] {
                self.state = before.clone();
                let Ok(index) = self.create(selector, &Key::default()) else {
                    continue;
                };
                let times = self.context.times;
                let variable = &mut self.state.series[index];
                variable.shape = Shape {
                    from_ms: Some(times.cause_end_ms() + 1),
                    ..Shape::constant(level)
                };
                variable.changed();
                let state = self.state.clone();
                if self.is_quiet(&state) {
                    self.state = before;
                    let labels = &state.series[index].labels;
                    let text = format!("{labels} appears with the value {level}");
                    return Some(Cure { state, text });
                }
            }
        }
        self.state = before;
        None
    }

    /// Whether the expression has no result once every window is flushed.
    fn is_quiet(&self, state: &State) -> bool {
        let healed_ms = self.context.times.healed_ms();
        let store = self.healed_store(state);
        let result = |expr: &Expr| {
            let budget = QueryBudget::unbounded();
            self.context.engine.instant_expr(&store, "", expr, healed_ms, &budget)
        };
        result(self.context.expr).is_ok_and(|output| elements(output.value).is_empty())
    }

    /// All samples, those after the cause included.
    pub(crate) fn healed_store(&self, state: &State) -> Store {
        let times = &self.context.times;
        let series = state.series.iter();
        let sampled = series.map(|variable| Arc::new(variable.sample(times, state.step_ms, times.healed_ms())));
        Store::new(sampled.collect())
    }
}

fn verb(healing: Healing, is_plural: bool) -> String {
    let (rest, goes, takes, grows, ends) = if is_plural {
        ("stay at their last values", "go to", "take", "grow again by", "end")
    } else {
        ("stays at its last value", "goes to", "takes", "grows again by", "ends")
    };
    match healing {
        Healing::Rest => rest.to_owned(),
        Healing::Value(0.0) => format!("{goes} 0"),
        Healing::Value(value) => format!("{takes} the value {value}"),
        Healing::Grow(slope) => format!("{grows} {slope} a second"),
        Healing::End => ends.to_owned(),
    }
}
