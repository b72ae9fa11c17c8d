//! Metrics that exist and that no rule, dashboard or recent query reads.

use std::collections::{BTreeSet, HashSet};

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher, QueryBudget, ReadError, TimeRange};

use super::asked::{Asked, Selector};
use super::{DeadInput, DeadOptions, UnreadMetric};

const STAGE: &str = "search for unread metrics";
/// Most jobs that are named of a metric.
const MAX_JOBS: usize = 5;
/// What every scrape makes besides the target's own series, and what alerting rules make.
const MADE_BY_THE_SERVER: &[&str] = &[
    "ALERTS",
    "ALERTS_FOR_STATE",
    "scrape_duration_seconds",
    "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped",
    "scrape_series_added",
    "up",
];
/// Endings of the series that belong to one histogram or summary.
const FAMILY_ENDINGS: &[&str] = &["_bucket", "_sum", "_count"];
/// A name that no metric has: conditions that accept it accept everything.
const NO_METRIC: &str = "no:metric:has:this:name";

/// All of them, those with most series first.
pub(super) fn unread(
    input: &DeadInput<'_>,
    asked: &Asked<'_>,
    options: &DeadOptions,
    budget: &QueryBudget,
) -> Result<Vec<UnreadMetric>, ReadError> {
    let range = TimeRange::new(input.now_ms.saturating_sub(options.lookback_ms), input.now_ms);
    let names = input.source.label_values(METRIC_NAME, &[], range)?;
    let mut readers = Readers::of(asked);
    for selector in &readers.without_name {
        budget.check(STAGE)?;
        let read = input.source.label_values(METRIC_NAME, &selector.matchers, range)?;
        readers.names.extend(read);
    }
    let mut found = Vec::new();
    for name in names {
        if MADE_BY_THE_SERVER.contains(&name.as_str()) || readers.read(&name) {
            continue;
        }
        budget.check(STAGE)?;
        let series = input.source.series(&[Matcher::equal(METRIC_NAME, &name)], range)?;
        let jobs: BTreeSet<&str> = series.iter().filter_map(|labels| labels.find("job")).collect();
        let jobs: Vec<&str> = jobs.into_iter().take(MAX_JOBS).collect();
        found.push(UnreadMetric {
            metric: name,
            series: series.len(),
            job: jobs.join(", "),
        });
    }
    found.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.metric.cmp(&b.metric)));
    Ok(found)
}

/// Which metric names are read.
struct Readers<'a> {
    names: HashSet<String>,
    patterns: Vec<Vec<&'a Matcher>>,
    /// Selectors that say nothing about the name.
    without_name: Vec<&'a Selector>,
}

impl<'a> Readers<'a> {
    fn of(asked: &'a Asked<'_>) -> Self {
        let mut readers = Self {
            names: HashSet::new(),
            patterns: Vec::new(),
            without_name: Vec::new(),
        };
        for selector in asked.selectors() {
            readers.add(selector);
        }
        for rule in &asked.rules {
            let texts = rule.spec.annotations.values().chain(rule.spec.labels.values());
            texts.for_each(|text| readers.add_template(text));
        }
        readers
    }

    fn add(&mut self, selector: &'a Selector) {
        let names: Vec<&Matcher> = selector
            .matchers
            .iter()
            .filter(|matcher| matcher.name() == METRIC_NAME)
            .collect();
        let equal = names.iter().find(|matcher| matcher.op() == MatchOp::Equal);
        if let Some(name) = equal {
            self.names.insert(name.value().to_owned());
        } else if !names.iter().all(|matcher| matcher.matches(NO_METRIC)) {
            self.patterns.push(names);
        } else if names.len() < selector.matchers.len() {
            self.without_name.push(selector);
        }
    }

    /// Words of a template's actions: its queries are among them.
    fn add_template(&mut self, text: &str) {
        for action in text.split("{{").skip(1) {
            let action = action.split("}}").next().unwrap_or(action);
            let words = action.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')));
            self.names
                .extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }

    fn read(&self, name: &str) -> bool {
        self.reads_exactly(name) || self.reads_sibling(name)
    }

    fn reads_exactly(&self, name: &str) -> bool {
        let accepts = |matchers: &Vec<&Matcher>| matchers.iter().all(|matcher| matcher.matches(name));
        self.names.contains(name) || self.patterns.iter().any(accepts)
    }

    /// Who reads the buckets of a histogram has it whole.
    fn reads_sibling(&self, name: &str) -> bool {
        let Some(family) = FAMILY_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) else {
            return false;
        };
        self.reads_exactly(family)
            || FAMILY_ENDINGS
                .iter()
                .any(|ending| self.reads_exactly(&format!("{family}{ending}")))
    }
}
