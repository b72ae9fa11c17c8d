//! Unit-test files: what they hold, and how they are read.

use std::collections::{BTreeMap, HashSet};

use skopos_config::Position;
use skopos_config::strict::{Node, Problem, Result, Section, parse, text};

use crate::error::{RuleFileError, RuleProblem};
use crate::file::{Place, UnknownFields};

const MINUTE_MS: i64 = 60_000;

/// A unit-test file.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    /// Where it was read from.
    pub path: String,
    /// Patterns of the rule files under test, relative to the folder of this file.
    pub rule_files: Vec<String>,
    /// How often rules are evaluated.
    pub evaluation_interval_ms: i64,
    /// Groups that are evaluated first, in this order.
    pub group_eval_order: Vec<String>,
    /// Whether neighbouring doubles count as equal.
    pub fuzzy_compare: bool,
    /// The tests.
    pub tests: Vec<TestCase>,
}

/// A test: series, and what must come of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TestCase {
    /// Its name, or `unnamed#N`.
    pub name: String,
    /// Where it stands.
    pub at: Place,
    /// Time between the samples of the input.
    pub interval_ms: i64,
    /// Time of the first samples and the first evaluation, in Unix milliseconds.
    pub start_ms: i64,
    /// The input.
    pub input_series: Vec<InputSeries>,
    /// Which alerts fire when.
    pub alert_tests: Vec<AlertTest>,
    /// What expressions give when.
    pub expr_tests: Vec<ExprTest>,
    /// Labels of the server, for templates.
    pub external_labels: BTreeMap<String, String>,
    /// URL of the server, for templates.
    pub external_url: String,
}

/// A series in series notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSeries {
    /// Where it stands.
    pub at: Place,
    /// Its name and labels.
    pub series: String,
    /// Its values.
    pub values: String,
}

/// The alerts of one name that fire at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertTest {
    /// Where it stands.
    pub at: Place,
    /// Time since the start.
    pub eval_time_ms: i64,
    /// The alerts' name.
    pub alertname: String,
    /// All of them.
    pub expected: Vec<ExpectedAlert>,
}

/// An alert that must fire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpectedAlert {
    /// Its labels; `alertname` is implied.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The result of an expression at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct ExprTest {
    /// Where it stands.
    pub at: Place,
    /// The expression.
    pub expr: String,
    /// Time since the start.
    pub eval_time_ms: i64,
    /// The whole result, in any order.
    pub expected: Vec<ExpectedSample>,
}

/// A sample that must be in a result.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedSample {
    /// Where it stands.
    pub at: Place,
    /// Its labels, in series notation.
    pub labels: String,
    /// Its value, unless it is a histogram.
    pub value: f64,
    /// The histogram in series notation, or empty.
    pub histogram: String,
}

/// Reads a unit-test file; `path` is for messages.
pub fn parse_test_file(text: &str, path: &str, unknown: UnknownFields) -> std::result::Result<TestFile, RuleFileError> {
    let read = parse(text).and_then(|node| Reader { unknown }.file(&node, path));
    read.map_err(|problem| RuleFileError {
        file: path.to_owned(),
        problems: vec![rule_problem(problem)],
    })
}

fn rule_problem(problem: Problem) -> RuleProblem {
    let (line, column) = problem.position.map_or((0, 0), place);
    let help = problem.help.map_or_else(String::new, |help| format!("; {help}"));
    RuleProblem {
        line,
        column,
        rule: None,
        message: format!("{}{help}", problem.message),
    }
}

fn place(at: Position) -> Place {
    (at.line as u64, at.column as u64)
}

#[derive(Clone, Copy)]
struct Reader {
    unknown: UnknownFields,
}

impl Reader {
    fn mapping<'a, T>(
        self,
        node: &'a Node,
        type_name: &'static str,
        read: impl FnOnce(&Section<'a>) -> Result<T>,
    ) -> Result<T> {
        let section = Section::new(node, type_name)?;
        let value = read(&section)?;
        if self.unknown == UnknownFields::Refused {
            section.finish()?;
        }
        Ok(value)
    }

    fn file(self, node: &Node, path: &str) -> Result<TestFile> {
        self.mapping(node, "main.unitTestFile", |section| {
            let interval_ms = duration(section, "evaluation_interval")?.filter(|interval| *interval > 0);
            let interval_ms = interval_ms.unwrap_or(MINUTE_MS);
            let order = section.texts("group_eval_order")?;
            let mut seen = HashSet::new();
            if let Some(name) = order.iter().find(|name| !seen.insert(*name)) {
                let message = format!("group name repeated in evaluation order: {name}");
                return Err(section.problem_at("group_eval_order", message));
            }
            let mut tests = Vec::new();
            for (number, node) in section.items("tests")?.iter().enumerate() {
                tests.push(self.test(node, number, interval_ms)?);
            }
            Ok(TestFile {
                path: path.to_owned(),
                rule_files: section.texts("rule_files")?,
                evaluation_interval_ms: interval_ms,
                group_eval_order: order,
                fuzzy_compare: section.flag_or("fuzzy_compare", false)?,
                tests,
            })
        })
    }

    fn test(self, node: &Node, number: usize, interval_ms: i64) -> Result<TestCase> {
        self.mapping(node, "main.testGroup", |section| {
            let own_interval_ms = duration(section, "interval")?.filter(|interval| *interval > 0);
            let name = section.text_or_empty("name")?;
            Ok(TestCase {
                name: if name.is_empty() {
                    format!("unnamed#{number}")
                } else {
                    name
                },
                at: place(node.at),
                interval_ms: own_interval_ms.unwrap_or(interval_ms),
                start_ms: start(section)?,
                input_series: section.list("input_series", |node| self.input(node))?,
                alert_tests: section.list("alert_rule_test", |node| self.alert_test(node))?,
                expr_tests: section.list("promql_expr_test", |node| self.expr_test(node))?,
                external_labels: section.text_map("external_labels")?,
                external_url: section.text_or_empty("external_url")?,
            })
        })
    }

    fn input(self, node: &Node) -> Result<InputSeries> {
        self.mapping(node, "main.series", |section| {
            Ok(InputSeries {
                at: place(node.at),
                series: section.text_or_empty("series")?,
                values: section.text_or_empty("values")?,
            })
        })
    }

    fn alert_test(self, node: &Node) -> Result<AlertTest> {
        self.mapping(node, "main.alertTestCase", |section| {
            let eval_time_ms = duration(section, "eval_time")?.unwrap_or(0);
            let alertname = section.text_or_empty("alertname")?;
            if alertname.is_empty() {
                let time = skopos_promql::duration::format_duration(eval_time_ms);
                return Err(section.problem(format!(
                    "an item under alert_rule_test misses required attribute alertname at eval_time {time}"
                )));
            }
            Ok(AlertTest {
                at: place(node.at),
                eval_time_ms,
                alertname,
                expected: section.list("exp_alerts", |node| self.expected_alert(node))?,
            })
        })
    }

    fn expected_alert(self, node: &Node) -> Result<ExpectedAlert> {
        self.mapping(node, "main.alert", |section| {
            Ok(ExpectedAlert {
                labels: section.text_map("exp_labels")?,
                annotations: section.text_map("exp_annotations")?,
            })
        })
    }

    fn expr_test(self, node: &Node) -> Result<ExprTest> {
        self.mapping(node, "main.promqlTestCase", |section| {
            Ok(ExprTest {
                at: place(node.at),
                expr: section.text_or_empty("expr")?,
                eval_time_ms: duration(section, "eval_time")?.unwrap_or(0),
                expected: section.list("exp_samples", |node| self.expected_sample(node))?,
            })
        })
    }

    fn expected_sample(self, node: &Node) -> Result<ExpectedSample> {
        self.mapping(node, "main.sample", |section| {
            let value = match section.get("value") {
                None => 0.0,
                Some(node) => number(&text(node)?)
                    .ok_or_else(|| Problem::at(node.at, format!("a number is expected, not {:?}", text(node))))?,
            };
            Ok(ExpectedSample {
                at: place(node.at),
                labels: section.text_or_empty("labels")?,
                value,
                histogram: section.text_or_empty("histogram")?,
            })
        })
    }
}

fn duration(section: &Section<'_>, key: &'static str) -> Result<Option<i64>> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    match skopos_promql::duration::parse_duration(&text) {
        Ok(duration_ms) => Ok(Some(duration_ms)),
        Err(error) => Err(section.problem_at(key, error.to_string())),
    }
}

/// A number as YAML and Go write it.
fn number(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => text.replace('_', "").parse().ok(),
    }
}

/// `start_timestamp`: Unix seconds or RFC 3339, in milliseconds.
fn start(section: &Section<'_>) -> Result<i64> {
    let Some(text) = section.text("start_timestamp")? else {
        return Ok(0);
    };
    if let Some(seconds) = number(&text).filter(|seconds| seconds.is_finite()) {
        return Ok((seconds * 1000.0) as i64);
    }
    let time: std::result::Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_millisecond).map_err(|_| {
        let message =
            format!("start_timestamp {text:?} is neither Unix seconds nor a time such as 2025-01-31T12:00:00Z");
        section.problem_at("start_timestamp", message)
    })
}
