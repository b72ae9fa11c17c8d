//! The query of a dashboard's variable: PromQL, or one of the functions that Grafana adds to it.

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::{parse_metric_selector, parse_with};

use super::DeadOptions;
use super::asked::{Selector, selectors};
use crate::reads::Role;

/// The selectors of such a function; `None` if the text is none of them.
fn selectors_of(function: &str, argument: &str, options: &DeadOptions) -> Option<Vec<Selector>> {
    match function {
        "label_values" => Some(
            first_argument(argument)
                .and_then(|text| selector(text, options))
                .into_iter()
                .collect(),
        ),
        "label_names" => Some(Vec::new()),
        "metrics" => {
            let pattern = format!(".*(?:{argument}).*");
            let matcher = Matcher::new(MatchOp::Regex, METRIC_NAME, pattern).ok();
            Some(
                matcher
                    .map(|matcher| of_matchers(argument, vec![matcher], options))
                    .into_iter()
                    .collect(),
            )
        }
        "query_result" => {
            let parsed = parse_with(argument, options.syntax).ok();
            Some(parsed.map_or_else(Vec::new, |expr| selectors(&expr, argument, options.lookback_ms)))
        }
        _ => None,
    }
}

/// The selectors of a variable's query; `None` if it is no function of Grafana's.
pub(super) fn selectors_in(text: &str, options: &DeadOptions) -> Option<Vec<Selector>> {
    let (function, rest) = text.trim().split_once('(')?;
    let argument = rest.trim_end().strip_suffix(')')?;
    selectors_of(function.trim(), argument.trim(), options)
}

/// What stands before the last comma outside of texts and braces; `None` without a comma: the label alone is asked.
fn first_argument(arguments: &str) -> Option<&str> {
    let mut quote = None;
    let mut is_escaped = false;
    let mut depth = 0_usize;
    let mut comma = None;
    for (at, c) in arguments.char_indices() {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{' | '(') => depth += 1,
            (None, '}' | ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => comma = Some(at),
            (None, _) => {}
        }
    }
    arguments.get(..comma?).map(str::trim)
}

fn selector(text: &str, options: &DeadOptions) -> Option<Selector> {
    let matchers = parse_metric_selector(text).ok()?;
    Some(of_matchers(text, matchers, options))
}

fn of_matchers(text: &str, matchers: Vec<Matcher>, options: &DeadOptions) -> Selector {
    Selector {
        text: text.to_owned(),
        matchers,
        reach_ms: options.lookback_ms,
        role: Role::Needed,
        is_fixed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&[&str]>) {
        let found = selectors_in(text, &DeadOptions::default());
        let found = found.map(|all| all.into_iter().map(|one| one.text).collect::<Vec<_>>());
        let expect = expect.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn functions_of_grafana() {
        check(
            "label_values(up{a=\"x,y\", b='}'}, job)",
            Some(&["up{a=\"x,y\", b='}'}"]),
        );
        check("label_values(job)", Some(&[]));
        check("label_names(up)", Some(&[]));
        check("metrics(node_.*)", Some(&["node_.*"]));
        check("query_result(sum(rate(a[5m])) / b)", Some(&["a", "b"]));
        check("sum(a)", None);
        check("up", None);
    }
}
