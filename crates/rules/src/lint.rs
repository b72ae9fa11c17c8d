//! Lints: what is allowed in a rule, but hardly meant. Findings name file, line and column.
//!
//! Checks of one rule look at its tree (`threshold`, `range`, `joins`), its fields (`fields`) or at
//! the data of a running server (`live`).

mod fields;
mod joins;
mod live;
mod range;
mod shape;
mod threshold;

use std::collections::BTreeSet;
use std::fmt;

use skopos_promql::{Expr, ParseOptions};

use crate::file::{GroupSpec, Place, RuleFile, RuleSpec};
use crate::query::{QueryLanguage, RuleQuery};

pub use live::LiveData;

/// A check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lint {
    /// Two rules make the same series or alert (promtool's name).
    DuplicateRules,
    /// A metric that no server has and no rule makes.
    UnknownMetric,
    /// A label that the metric does not have.
    UnknownLabel,
    /// The sides of an operator can never match.
    NeverJoins,
    /// `for` is shorter than the interval.
    ShortFor,
    /// The alert says nothing to people.
    MissingSummary,
    /// The alert names no runbook.
    MissingRunbook,
    /// A range holds too few samples.
    ShortRange,
    /// The alert fires whatever the value is, or never.
    NoThreshold,
    /// `absent` over an aggregation.
    AbsentAggregated,
}

impl Lint {
    /// All checks.
    pub const ALL: [Self; 10] = [
        Self::DuplicateRules,
        Self::UnknownMetric,
        Self::UnknownLabel,
        Self::NeverJoins,
        Self::ShortFor,
        Self::MissingSummary,
        Self::MissingRunbook,
        Self::ShortRange,
        Self::NoThreshold,
        Self::AbsentAggregated,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuplicateRules => "duplicate-rules",
            Self::UnknownMetric => "unknown-metric",
            Self::UnknownLabel => "unknown-label",
            Self::NeverJoins => "never-joins",
            Self::ShortFor => "short-for",
            Self::MissingSummary => "missing-summary",
            Self::MissingRunbook => "missing-runbook",
            Self::ShortRange => "short-range",
            Self::NoThreshold => "no-threshold",
            Self::AbsentAggregated => "absent-aggregated",
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check found it.
    pub lint: Lint,
    /// The file.
    pub file: String,
    /// Line and column in it.
    pub place: Place,
    /// The group.
    pub group: String,
    /// The rule.
    pub rule: String,
    /// What it is and how to mend it.
    pub message: String,
}

/// `file:line:column: rule: message [lint]`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place;
        let Self {
            file,
            rule,
            message,
            lint,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {rule}: {message} [{lint}]")
    }
}

/// Which checks are made, and with what in mind.
#[derive(Debug, Clone)]
pub struct LintOptions {
    /// The checks.
    pub lints: BTreeSet<Lint>,
    /// How often targets are scraped, in milliseconds.
    pub scrape_interval_ms: i64,
    /// How often groups without an interval are evaluated, in milliseconds.
    pub interval_ms: i64,
    /// Parts of PromQL that rules may use.
    pub syntax: ParseOptions,
}

impl Default for LintOptions {
    fn default() -> Self {
        Self {
            lints: Lint::ALL.into_iter().collect(),
            scrape_interval_ms: 15_000,
            interval_ms: 60_000,
            syntax: ParseOptions::default(),
        }
    }
}

/// A rule file with the text that it was read from.
#[derive(Debug, Clone, Copy)]
pub struct LintedFile<'a> {
    /// The file.
    pub file: &'a RuleFile,
    /// Its text.
    pub source: &'a str,
}

/// Checks files together: a metric that one of them makes is known to all. Findings are in the order
/// of files and places.
pub fn lint(files: &[LintedFile<'_>], options: &LintOptions, live: Option<&dyn LiveData>) -> Vec<Finding> {
    let made = live::made(files);
    let mut findings = Vec::new();
    for file in files {
        let mut own = Vec::new();
        for group in &file.file.groups {
            for spec in &group.rules {
                let mut check = Check {
                    file,
                    group,
                    spec,
                    options,
                    findings: &mut own,
                };
                check.run(live, &made);
            }
        }
        fields::duplicates(file, options, &mut own);
        own.sort_by_key(|finding| (finding.place, finding.lint));
        findings.extend(own);
    }
    findings
}

/// One rule being checked.
struct Check<'a> {
    file: &'a LintedFile<'a>,
    group: &'a GroupSpec,
    spec: &'a RuleSpec,
    options: &'a LintOptions,
    findings: &'a mut Vec<Finding>,
}

impl Check<'_> {
    fn run(&mut self, live: Option<&dyn LiveData>, made: &BTreeSet<&str>) {
        self.fields();
        if self.spec.language == QueryLanguage::LogQl {
            return;
        }
        let Ok(query) = RuleQuery::parse(&self.spec.expr, QueryLanguage::PromQl, self.options.syntax) else {
            return;
        };
        let Some(expr) = query.promql() else {
            return;
        };
        self.ranges(expr);
        self.thresholds(expr);
        self.joins(expr);
        if let Some(live) = live {
            self.names(expr, live, made);
        }
    }

    fn add(&mut self, lint: Lint, place: Place, message: impl Into<String>) {
        if self.options.lints.contains(&lint) {
            self.findings.push(Finding {
                lint,
                file: self.file.file.path.clone(),
                place,
                group: self.group.name.clone(),
                rule: self.spec.name.clone(),
                message: message.into(),
            });
        }
    }

    /// A finding about a part of the expression.
    fn add_at(&mut self, lint: Lint, part: &Expr, message: impl Into<String>) {
        let place = self.spec.place_of(self.file.source, part.pos().start);
        self.add(lint, place, message);
    }

    /// A part of the expression as written.
    fn text_of(&self, part: &Expr) -> &str {
        let pos = part.pos();
        self.spec.expr.get(pos.start..pos.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
