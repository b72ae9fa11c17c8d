//! Every selector that rules, dashboards and recent queries hold, ready to be judged. A condition that contains a
//! dashboard's variable is left out: any value may be chosen for it.

use std::collections::HashSet;

use skopos_core::Matcher;
use skopos_dashboards::{Asker, Dashboard, Language, PanelQuery, fill_variables};
use skopos_promql::ast::VectorSelector;
use skopos_promql::{Expr, parse_with};
use skopos_rules::{QueryLanguage, RuleFile, RuleSpec};

use super::{DeadInput, DeadOptions, variable_query};
use crate::reads::{Role, reads};

/// Brackets around the name of a variable in a query that is to be parsed.
const VARIABLE: [&str; 2] = ["dollar0_", "_0dollar"];

/// A selector and who asks for it.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    /// As written.
    pub(super) text: String,
    pub(super) matchers: Vec<Matcher>,
    pub(super) reach_ms: i64,
    pub(super) role: Role,
    /// Whether it looks at a fixed time, which says nothing about now.
    pub(super) is_fixed: bool,
}

impl Selector {
    /// What it asks for, the same for all selectors that ask for the same.
    pub(super) fn question(&self) -> String {
        let conditions: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        format!("{{{}}}[{}]", conditions.join(","), self.reach_ms)
    }
}

/// The selectors of a rule.
#[derive(Debug)]
pub(super) struct AskedRule<'a> {
    pub(super) file: &'a str,
    pub(super) group: &'a str,
    pub(super) spec: &'a RuleSpec,
    pub(super) selectors: Vec<Selector>,
}

/// The selectors of a panel, variable or annotation.
#[derive(Debug)]
pub(super) struct AskedPanel<'a> {
    pub(super) dashboard: &'a Dashboard,
    pub(super) panel_id: Option<i64>,
    pub(super) title: String,
    pub(super) selectors: Vec<Selector>,
}

/// Everything that is asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) rules: Vec<AskedRule<'a>>,
    pub(super) panels: Vec<AskedPanel<'a>>,
    pub(super) recent: Vec<Selector>,
    /// Selectors of dashboards of which nothing is left without their variables.
    pub(super) unknown: usize,
}

impl<'a> Asked<'a> {
    pub(super) fn of(input: &DeadInput<'a>, options: &DeadOptions) -> Self {
        let mut asked = Self {
            rules: input.rules.iter().flat_map(|file| rules_of(file, options)).collect(),
            panels: Vec::new(),
            recent: Vec::new(),
            unknown: 0,
        };
        for dashboard in input.dashboards.list() {
            asked.add_dashboard(dashboard, options);
        }
        for query in input.recent_queries {
            if let Ok(expr) = parse_with(query, options.syntax) {
                asked.recent.extend(selectors(&expr, query, options.lookback_ms));
            }
        }
        asked
    }

    fn add_dashboard(&mut self, dashboard: &'a Dashboard, options: &DeadOptions) {
        for query in dashboard.queries() {
            if query.language != Language::PromQl {
                continue;
            }
            let all = query_selectors(&query, options);
            let count = all.len();
            let known: Vec<Selector> = all.into_iter().filter_map(without_variables).collect();
            self.unknown += count - known.len();
            self.panels.push(AskedPanel {
                dashboard,
                panel_id: query.panel_id,
                title: title(&query),
                selectors: distinct(known),
            });
        }
    }

    /// All selectors, whoever asks.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let rules = self.rules.iter().flat_map(|rule| &rule.selectors);
        let panels = self.panels.iter().flat_map(|panel| &panel.selectors);
        rules.chain(panels).chain(&self.recent)
    }
}

fn title(query: &PanelQuery) -> String {
    match query.asker {
        Asker::Panel => query.title.clone(),
        Asker::Variable => format!("variable {:?}", query.title),
        Asker::Annotation => format!("annotation {:?}", query.title),
    }
}

fn rules_of<'a>(file: &'a RuleFile, options: &DeadOptions) -> Vec<AskedRule<'a>> {
    let mut found = Vec::new();
    for group in &file.groups {
        for spec in &group.rules {
            if spec.language != QueryLanguage::PromQl {
                continue;
            }
            // The file was checked when it was read.
            let Ok(expr) = parse_with(&spec.expr, options.syntax) else {
                continue;
            };
            found.push(AskedRule {
                file: &file.path,
                group: &group.name,
                spec,
                selectors: distinct(selectors(&expr, &spec.expr, options.lookback_ms)),
            });
        }
    }
    found
}

/// Selectors of a dashboard's query, with stand-ins for its variables.
fn query_selectors(query: &PanelQuery, options: &DeadOptions) -> Vec<Selector> {
    let stand_in = |name: &str| format!("{}{name}{}", VARIABLE[0], VARIABLE[1]);
    for text in fill_variables(&query.expr, &stand_in) {
        if query.asker == Asker::Variable
            && let Some(found) = variable_query::selectors_in(&text, options)
        {
            return found;
        }
        if let Ok(expr) = parse_with(&text, options.syntax) {
            return selectors(&expr, &text, options.lookback_ms);
        }
    }
    Vec::new()
}

/// The selectors of a parsed query.
pub(super) fn selectors(expr: &Expr, text: &str, lookback_ms: i64) -> Vec<Selector> {
    let reads = reads(expr, lookback_ms).into_iter();
    reads
        .map(|read| Selector {
            text: written(read.selector, text),
            matchers: read.selector.matchers.clone(),
            reach_ms: read.reach_ms,
            role: read.role,
            is_fixed: read.selector.at.is_some(),
        })
        .collect()
}

/// The selector as it stands in the query, without what follows it.
fn written(selector: &VectorSelector, query: &str) -> String {
    let text = query
        .get(selector.pos.start..selector.pos.end)
        .unwrap_or(&selector.name);
    let end = match (text.contains('{'), text.rfind('}')) {
        (true, Some(brace)) => brace + 1,
        _ => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    text.get(..end).unwrap_or(text).to_owned()
}

/// The selector without the conditions that depend on a variable; `None` if nothing is left that says which series.
fn without_variables(mut selector: Selector) -> Option<Selector> {
    let depends = |text: &str| text.contains(VARIABLE[0]);
    selector
        .matchers
        .retain(|matcher| !depends(matcher.name()) && !depends(matcher.value()));
    selector.text = selector.text.replace(VARIABLE[0], "$").replace(VARIABLE[1], "");
    let says_which = selector.matchers.iter().any(|matcher| !matcher.matches_empty());
    says_which.then_some(selector)
}

/// The first of each selector that asks the same.
fn distinct(mut selectors: Vec<Selector>) -> Vec<Selector> {
    let mut seen = HashSet::new();
    selectors.retain(|selector| seen.insert((selector.question(), selector.role)));
    selectors
}
