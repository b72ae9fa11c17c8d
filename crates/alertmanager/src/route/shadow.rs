//! Routes that never get an alert, as seen from the configuration alone.

use super::{Route, RouteTree};
use crate::matcher::{MatchOp, Matcher};

impl RouteTree {
    /// The sibling before a route that takes every alert that would come to it. Only what one sibling takes alone is
    /// found.
    pub fn shadow_of(&self, route: &Route) -> Option<&Route> {
        let siblings = &self.route(route.parent?).children;
        let before = siblings
            .iter()
            .take_while(|id| **id != route.id)
            .map(|id| self.route(*id));
        let asked = self.asked_of(route);
        before
            .filter(|before| !before.continue_matching)
            .find(|before| before.matchers.iter().all(|matcher| is_implied(matcher, &asked)))
    }

    /// The child of a route that takes every alert that comes to it, so that its own receiver is never notified.
    pub fn cover_of(&self, route: &Route) -> Option<&Route> {
        let asked = self.asked_of(route);
        let mut children = route.children.iter().map(|id| self.route(*id));
        children.find(|child| child.matchers.iter().all(|matcher| is_implied(matcher, &asked)))
    }

    /// Two matchers, of a route and those above it, that no alert satisfies together.
    pub fn contradiction_of(&self, route: &Route) -> Option<(&Matcher, &Matcher)> {
        let asked = self.asked_of(route);
        asked.iter().find_map(|matcher| {
            let exact = (matcher.op() == MatchOp::Equal).then_some(*matcher)?;
            let refusing = asked
                .iter()
                .find(|other| other.name() == exact.name() && !other.matches(exact.value()))?;
            Some((exact, *refusing))
        })
    }

    /// Everything that an alert must match to come to a route.
    fn asked_of(&self, route: &Route) -> Vec<&Matcher> {
        let mut asked = Vec::new();
        let mut next = Some(route.id);
        while let Some(id) = next {
            let route = self.route(id);
            asked.extend(&route.matchers);
            next = route.parent;
        }
        asked
    }
}

/// Whether whatever satisfies all that is asked satisfies the matcher.
fn is_implied(matcher: &Matcher, asked: &[&Matcher]) -> bool {
    let takes_all = matcher.op() == MatchOp::Regex && matcher.value() == ".*";
    takes_all
        || asked
            .iter()
            .any(|own| own.name() == matcher.name() && implies(own, matcher))
}

/// Whether a value that satisfies the one satisfies the other.
fn implies(own: &Matcher, other: &Matcher) -> bool {
    own == other
        || match own.op() {
            MatchOp::Equal => other.matches(own.value()),
            MatchOp::Regex => {
                literals(own.value()).is_some_and(|values| values.iter().all(|value| other.matches(value)))
            }
            MatchOp::NotEqual | MatchOp::NotRegex => false,
        }
}

/// The values that a pattern such as `a|b` names, if it only names values.
fn literals(pattern: &str) -> Option<Vec<&str>> {
    let inner = pattern.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
    let values: Vec<&str> = inner.unwrap_or(pattern).split('|').collect();
    let is_literal = |c: char| c.is_alphanumeric() || "_-: /".contains(c);
    values
        .iter()
        .all(|value| value.chars().all(is_literal))
        .then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, LoadOptions};

    /// The tree below a root with the receiver `r`.
    fn tree(routes: &str) -> RouteTree {
        let text = format!("receivers: [{{name: r}}]\nroute: {{receiver: r, routes: [{routes}]}}\n");
        RouteTree::new(&Config::parse(&text, &LoadOptions::default()).expect("a configuration"))
    }

    /// Whether the last route never gets an alert.
    fn is_shadowed(routes: &str) -> bool {
        let tree = tree(routes);
        let last = tree.routes().last().expect("a root");
        tree.shadow_of(last).is_some()
    }

    #[test]
    fn a_sibling_takes_what_comes_after() {
        for (routes, expected) in [
            ("{matchers: [a=x]}, {matchers: [a=x, b=y]}", true),
            ("{}, {matchers: [a=x]}", true),
            ("{matchers: ['a=~.*']}, {matchers: [b=x]}", true),
            ("{matchers: ['a=~x|y']}, {matchers: [a=y]}", true),
            ("{matchers: ['a=~x|y|z']}, {matchers: ['a=~x|y']}", true),
            ("{match_re: {a: x|y}}, {match_re: {a: x}}", true),
            ("{matchers: [a!=z]}, {matchers: ['a=~x|y']}", true),
            ("{matchers: [a=x], continue: true}, {matchers: [a=x]}", false),
            ("{matchers: [a=x, b=y]}, {matchers: [a=x]}", false),
            ("{matchers: ['a=~x|y']}, {matchers: ['a=~x.*']}", false),
            ("{matchers: [a=x]}, {matchers: [a!=y]}", false),
        ] {
            assert_eq!(is_shadowed(routes), expected, "{routes}");
        }
        assert!(is_shadowed(
            "{matchers: [a=x], routes: [{matchers: [a=x]}, {matchers: [b=y]}]}"
        ));
    }

    #[test]
    fn a_child_takes_all_of_its_parent() {
        for (routes, expected) in [
            ("{matchers: [a=x], routes: [{matchers: ['a=~x|y']}]}", true),
            ("{matchers: [a=x], routes: [{matchers: [b=y]}, {continue: true}]}", true),
            ("{matchers: [a=x], routes: [{matchers: [b=y]}]}", false),
        ] {
            let tree = tree(routes);
            let first = tree.route(tree.root().children[0]);
            assert_eq!(tree.cover_of(first).is_some(), expected, "{routes}");
        }
    }

    #[test]
    fn matchers_that_contradict_those_above() {
        for (routes, expected) in [
            ("{matchers: [a=x], routes: [{matchers: [a=y]}]}", true),
            ("{matchers: ['a=~x|y'], routes: [{matchers: [a=z]}]}", true),
            ("{matchers: [a=x, a!=x]}", true),
            ("{matchers: ['a=~x|y'], routes: [{matchers: [a=y]}]}", false),
        ] {
            let tree = tree(routes);
            let last = tree.routes().last().expect("a root");
            assert_eq!(tree.contradiction_of(last).is_some(), expected, "{routes}");
        }
    }
}
