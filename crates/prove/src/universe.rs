//! The labels that a rule speaks of, and the values that satisfy most of its selectors.

use std::collections::{BTreeMap, BTreeSet};

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

use crate::pattern;

/// Labels of a rule with values for them.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    values: BTreeMap<String, Vec<String>>,
    mentioned: BTreeSet<String>,
}

impl Universe {
    /// The labels of an expression and, besides, those that its templates read.
    pub(crate) fn new(expr: &Expr, templates: impl IntoIterator<Item = String>) -> Self {
        let mut universe = Self::default();
        universe.mentioned.extend(templates);
        universe.collect(expr);
        let mut matchers: BTreeMap<String, Vec<&Matcher>> = BTreeMap::new();
        expr.for_each_selector(&mut |selector| {
            for matcher in &selector.matchers {
                matchers.entry(matcher.name().to_owned()).or_default().push(matcher);
            }
        });
        for name in universe.mentioned.clone() {
            matchers.entry(name).or_default();
        }
        for (name, matchers) in matchers {
            let values = ranked(&name, &matchers);
            universe.values.insert(name, values);
        }
        universe
    }

    fn collect(&mut self, expr: &Expr) {
        match expr {
            Expr::Aggregate(aggregate) if !aggregate.without => {
                self.mentioned.extend(aggregate.grouping.iter().cloned());
            }
            Expr::Binary(binary) => {
                if let Some(matching) = &binary.matching {
                    if matching.on {
                        self.mentioned.extend(matching.labels.iter().cloned());
                    }
                    self.mentioned.extend(matching.include.iter().cloned());
                }
            }
            Expr::Call(call) if call.function.name == "label_replace" || call.function.name == "label_join" => {
                let sources = call.args.iter().skip(3);
                let texts = sources.filter_map(|arg| match arg {
                    Expr::String(text) if skopos_core::labels::is_legacy_label_name(&text.value) => Some(&text.value),
                    _ => None,
                });
                self.mentioned.extend(texts.cloned());
            }
            _ => {}
        }
        expr.children().into_iter().for_each(|child| self.collect(child));
        // Buckets are made where a quantile is asked for.
        self.mentioned.remove("le");
        self.mentioned.remove(METRIC_NAME);
    }

    /// Labels that series carry unless something speaks against it.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &String> {
        self.values.keys().filter(|name| *name != METRIC_NAME && *name != "le")
    }

    /// Labels that groupings, joins and templates name.
    pub(crate) fn is_mentioned(&self, name: &str) -> bool {
        self.mentioned.contains(name)
    }

    /// Values for a label, the most useful first; `variant` starts with another one.
    pub(crate) fn values(&self, name: &str, variant: usize) -> Vec<String> {
        let mut values = self.values.get(name).cloned().unwrap_or_default();
        if !values.is_empty() {
            let turn = variant % values.len();
            values.rotate_left(turn);
        }
        let plain = plain_value(name);
        if !values.contains(&plain) {
            values.push(plain);
        }
        values
    }
}

/// The value of a label that nothing is known of.
pub(crate) fn plain_value(name: &str) -> String {
    format!("{name}-1")
}

/// Values that satisfy at least one of the matchers, those that satisfy most first.
fn ranked(name: &str, matchers: &[&Matcher]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let candidates = matchers.iter().flat_map(|matcher| match matcher.op() {
        MatchOp::Equal => vec![matcher.value().to_owned()],
        MatchOp::Regex => texts_of(matcher),
        MatchOp::NotEqual | MatchOp::NotRegex => Vec::new(),
    });
    for value in candidates.chain([plain_value(name)]) {
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }
    let score = |value: &String| matchers.iter().filter(|matcher| matcher.matches(value)).count();
    values.sort_by_key(|value| std::cmp::Reverse(score(value)));
    values
}

/// Texts that a regular expression accepts.
fn texts_of(matcher: &Matcher) -> Vec<String> {
    let texts = match matcher.literal_values() {
        Some(literals) => literals.to_vec(),
        None => pattern::texts(matcher.value()),
    };
    texts.into_iter().filter(|text| matcher.matches(text)).collect()
}

/// Values of a label that a selector itself suggests.
pub(crate) fn suggested(selector: &VectorSelector, name: &str) -> Vec<String> {
    let matchers = selector.matchers.iter().filter(|matcher| matcher.name() == name);
    matchers
        .flat_map(|matcher| match matcher.op() {
            MatchOp::Equal => vec![matcher.value().to_owned()],
            MatchOp::Regex => texts_of(matcher),
            MatchOp::NotEqual | MatchOp::NotRegex => Vec::new(),
        })
        .collect()
}

/// Whether a selector's conditions on a label accept a value; empty is an absent label.
pub(crate) fn accepts(selector: &VectorSelector, name: &str, value: &str) -> bool {
    let mut matchers = selector.matchers.iter().filter(|matcher| matcher.name() == name);
    matchers.all(|matcher| matcher.matches(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_serve_most_selectors() {
        let expr = skopos_promql::parse(r#"sum by (pod) (a{code=~"5..",job="x"}) / sum by (pod) (a{job="x"})"#);
        let universe = Universe::new(&expr.expect("the query is valid"), ["team".to_owned()]);
        assert_eq!(universe.values("job", 0)[0], "x");
        assert!(universe.values("code", 0)[0].starts_with('5'));
        assert_eq!(universe.values("pod", 0), ["pod-1"]);
        assert!(universe.is_mentioned("team") && !universe.is_mentioned("code"));
    }
}
