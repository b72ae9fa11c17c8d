//! `label_replace` and `label_join`: what the labels before must be for those after.

use skopos_core::matcher::anchored_regex;
use skopos_promql::Expr;
use skopos_promql::ast::Call;

use super::{Attempt, Goal, Measure, Outcome, Search};
use crate::key::Key;
use crate::pattern;
use crate::universe::plain_value;

impl<'a> Search<'a> {
    pub(super) fn aim_label_replace(&mut self, expr: &'a Expr, call: &'a Call, goal: Goal, key: &Key) -> Outcome {
        let [inner, target, replacement, source, regex] = call.args.as_slice() else {
            return Err(self.stuck_at(expr, "label_replace takes five arguments"));
        };
        let [target, replacement, source, regex] = [target, replacement, source, regex].map(text);
        let mut keys = Vec::new();
        let mut open = key.clone();
        let asked = open
            .fixed
            .remove(target)
            .or_else(|| key.wanted.contains(target).then(|| plain_value(target)));
        open.wanted.remove(target);
        if source.is_empty() {
            // A constant: what is asked must be that constant.
            keys.push(open.clone());
        } else {
            let mut values = Vec::new();
            if let Some(asked) = &asked {
                values.push(asked.clone());
            }
            values.extend(self.context.universe.values(source, self.context.strategy.variant));
            values.extend(pattern::texts(regex));
            if key.is_fresh {
                let known: Vec<&str> = self
                    .state
                    .series
                    .iter()
                    .map(|variable| variable.labels.get(source))
                    .collect();
                values.retain(|value| !known.contains(&value.as_str()));
            }
            for value in values {
                let result = replaced(&value, regex, replacement);
                let is_asked = key.fixed.get(target).is_none_or(|asked| result.as_ref() == Some(asked));
                if result.is_some_and(|result| !result.is_empty()) && is_asked && key_allows(&open, source, &value) {
                    keys.push(open.clone().with(source, &value));
                }
            }
        }
        // Where nothing matches, the label stays what it was.
        keys.push(key.clone());
        if goal.measure != Measure::Level {
            return self.aim(inner, goal, &keys[0]);
        }
        let attempts = keys
            .into_iter()
            .map(|key| -> Attempt<'_, 'a> { Box::new(move |search| search.aim(inner, goal, &key)) });
        let attempts = attempts.take(6).collect();
        self.try_each(expr, goal, key, attempts)
    }

    pub(super) fn aim_label_join(&mut self, expr: &'a Expr, call: &'a Call, goal: Goal, key: &Key) -> Outcome {
        let mut inner = key.clone();
        let target = call.args.get(1).map_or("", text);
        let sources: Vec<&str> = call.args.iter().skip(3).map(text).collect();
        let asked = inner.fixed.remove(target);
        inner.wanted.remove(target);
        if let (Some(asked), [source, rest @ ..]) = (asked, sources.as_slice()) {
            let separator = call.args.get(2).map_or("", text);
            let mut parts = asked.splitn(rest.len() + 1, separator);
            if separator.is_empty() && !rest.is_empty() {
                inner.fixed.insert((*source).to_owned(), asked);
            } else {
                for source in &sources {
                    inner
                        .fixed
                        .insert((*source).to_owned(), parts.next().unwrap_or_default().to_owned());
                }
            }
        } else {
            inner.wanted.extend(sources.iter().map(|source| (*source).to_owned()));
        }
        let attempts: Vec<Attempt<'_, 'a>> = vec![Box::new(move |search| search.aim(&call.args[0], goal, &inner))];
        self.try_each(expr, goal, key, attempts)
    }
}

fn text(expr: &Expr) -> &str {
    match expr {
        Expr::String(literal) => &literal.value,
        _ => "",
    }
}

fn key_allows(key: &Key, name: &str, value: &str) -> bool {
    match key.fixed.get(name) {
        Some(fixed) => fixed == value,
        None => key.is_free(name),
    }
}

/// What `label_replace` makes of a value; `None` if the pattern does not match.
fn replaced(value: &str, regex: &str, replacement: &str) -> Option<String> {
    let regex = anchored_regex(regex).ok()?;
    let captures = regex.captures(value)?;
    let mut result = String::new();
    captures.expand(replacement, &mut result);
    Some(result)
}
