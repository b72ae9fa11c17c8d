//! Runs the tests of a file: evaluates the rules on a virtual clock over the input, and compares.

use std::sync::Arc;

use regex::Regex;
use skopos_core::{Labels, QueryBudget};
use skopos_promql::duration::format_duration;
use skopos_promql::notation::{Values, parse_series};
use skopos_promql::{Engine, EngineOptions};

use super::check::{check_alerts, compare, expected_sample, forgive, shown};
use super::file::{AlertTest, ExprTest, TestCase, TestFile};
use super::report::{CaseReport, TestFailure, TestReport};
use crate::file::{Place, RuleFile};
use crate::groups::{GroupHandle, RuleGroups, RuleOptions};
use crate::io::{PromqlIo, RuleIo};
use crate::memory::{MemoryStore, Stored};
use crate::query::{QueryLanguage, RuleQuery};

/// Most evaluations of a test.
const MAX_EVALUATIONS: i64 = 2_000_000;

/// How tests are run.
#[derive(Debug, Clone, Default)]
pub struct TestOptions {
    /// The query language; the step of subqueries is the file's evaluation interval.
    pub engine: EngineOptions,
    /// Only tests whose names match are run.
    pub filter: Option<Regex>,
}

/// Runs the tests of a file over its rule files. Rule files that could not be read fail each test.
pub fn run_tests(file: &TestFile, rules: &Result<Vec<RuleFile>, String>, options: &TestOptions) -> TestReport {
    let is_wanted = |case: &&TestCase| options.filter.as_ref().is_none_or(|filter| filter.is_match(&case.name));
    let wanted = file.tests.iter().filter(is_wanted);
    let cases = wanted.map(|case| CaseReport {
        name: case.name.clone(),
        at: case.at,
        failures: match rules {
            Ok(rules) => run_case(file, case, rules, options),
            Err(error) => vec![TestFailure::error(case.at, error)],
        },
    });
    TestReport {
        file: file.path.clone(),
        cases: cases.collect(),
    }
}

fn run_case(file: &TestFile, case: &TestCase, rules: &[RuleFile], options: &TestOptions) -> Vec<TestFailure> {
    let inputs = match inputs(case) {
        Ok(inputs) => inputs,
        Err(failure) => return vec![failure],
    };
    let engine = Engine::new(EngineOptions {
        subquery_step_ms: file.evaluation_interval_ms,
        ..options.engine
    });
    let run = Run {
        file,
        case,
        engine,
        store: MemoryStore::new(),
    };
    run.run(inputs, rules)
}

/// A series of the input and how much of it is in the store.
struct Input {
    labels: Labels,
    values: Values,
    stored: usize,
}

fn inputs(case: &TestCase) -> Result<Vec<Input>, TestFailure> {
    let mut inputs = Vec::new();
    for input in &case.input_series {
        let line = format!("{} {}", input.series.trim(), input.values);
        let (labels, values) = parse_series(&line).map_err(|error| {
            let what = format!(
                "input_series {:?} with values {:?}: {error}",
                input.series, input.values
            );
            TestFailure::error(input.at, what)
        })?;
        inputs.push(Input {
            labels,
            values,
            stored: 0,
        });
    }
    Ok(inputs)
}

/// A test being run.
struct Run<'a> {
    file: &'a TestFile,
    case: &'a TestCase,
    engine: Engine,
    store: MemoryStore,
}

impl Run<'_> {
    fn io(&self) -> PromqlIo<'_> {
        PromqlIo {
            engine: &self.engine,
            source: &self.store,
            sink: &self.store,
            budget: Arc::new(QueryBudget::unbounded),
        }
    }

    fn run(&self, mut inputs: Vec<Input>, rules: &[RuleFile]) -> Vec<TestFailure> {
        let groups = match self.groups(rules) {
            Ok(groups) => groups,
            Err(error) => return vec![TestFailure::error(self.case.at, error)],
        };
        let interval_ms = self.file.evaluation_interval_ms;
        let last_ms = self.last_ms();
        if last_ms / interval_ms > MAX_EVALUATIONS {
            let what = format!("the last eval_time is more than {MAX_EVALUATIONS} evaluations after the start");
            return vec![TestFailure::error(self.case.at, what)];
        }
        let mut tests: Vec<&AlertTest> = self.case.alert_tests.iter().collect();
        tests.sort_by_key(|test| test.eval_time_ms);
        let mut tests = tests.into_iter().peekable();
        let mut failures = Vec::new();
        let mut since_ms = 0;
        while since_ms <= last_ms {
            self.store_until(&mut inputs, since_ms);
            let errors = self.evaluate(&groups, since_ms);
            if !errors.is_empty() {
                failures.extend(errors);
                return failures;
            }
            while let Some(test) = tests.next_if(|test| test.eval_time_ms < since_ms + interval_ms) {
                failures.extend(check_alerts(test, &groups));
            }
            since_ms += interval_ms;
        }
        failures.extend(self.case.expr_tests.iter().filter_map(|test| self.check_expr(test)));
        failures
    }

    fn last_ms(&self) -> i64 {
        let alerts = self.case.alert_tests.iter().map(|test| test.eval_time_ms);
        let exprs = self.case.expr_tests.iter().map(|test| test.eval_time_ms);
        alerts.chain(exprs).max().unwrap_or(0)
    }

    /// The groups in the order in which they are evaluated.
    fn groups(&self, rules: &[RuleFile]) -> Result<Vec<GroupHandle>, String> {
        let groups = RuleGroups::new();
        let options = RuleOptions {
            interval_ms: self.case.interval_ms,
            external_labels: Labels::from_pairs(&self.case.external_labels),
            external_url: self.case.external_url.clone(),
            syntax: self.engine.options().syntax,
            restores_state: false,
            keeps_evidence: false,
            is_observed: false,
            ..RuleOptions::default()
        };
        groups.load(rules.to_vec(), options, self.case.start_ms, &self.io())?;
        let mut handles = groups.handles();
        let order = &self.file.group_eval_order;
        handles.sort_by_cached_key(|handle| {
            let name = &handle.view().name;
            order.iter().position(|other| other == name).unwrap_or(order.len())
        });
        Ok(handles)
    }

    fn store_until(&self, inputs: &mut [Input], since_ms: i64) {
        for input in inputs {
            while let Some(value) = input.values.get(input.stored) {
                let at_ms = input.stored as i64 * self.case.interval_ms;
                if at_ms > since_ms {
                    break;
                }
                if let Some(value) = value.clone() {
                    let sample = Stored { value, start_ms: 0 };
                    self.store.insert(&input.labels, self.case.start_ms + at_ms, sample);
                }
                input.stored += 1;
            }
        }
    }

    fn evaluate(&self, groups: &[GroupHandle], since_ms: i64) -> Vec<TestFailure> {
        let mut errors = Vec::new();
        for group in groups {
            group.evaluate_at(self.case.start_ms + since_ms, &self.io());
            for rule in group.view().rules.iter().filter(|rule| !rule.last_error.is_empty()) {
                let time = format_duration(since_ms);
                let what = format!("rule: {}, time: {time}, err: {}", rule.name, rule.last_error);
                errors.push(TestFailure::error(self.case.at, what));
            }
        }
        errors
    }

    fn check_expr(&self, test: &ExprTest) -> Option<TestFailure> {
        let what = format!("expr: {:?}, time: {}", test.expr, format_duration(test.eval_time_ms));
        let failed = |at: Place, error: String| Some(TestFailure::error(at, format!("{what}, err: {error}")));
        let syntax = self.engine.options().syntax;
        let query = RuleQuery::parse(&test.expr, QueryLanguage::PromQl, syntax);
        let got = query.and_then(|query| self.io().query(&query, self.case.start_ms + test.eval_time_ms));
        let got = match got {
            Ok(got) => got,
            Err(error) => return failed(test.at, error),
        };
        let mut expected = Vec::new();
        for sample in &test.expected {
            match expected_sample(sample) {
                Ok(sample) => expected.push(sample),
                Err(error) => return failed(sample.at, error),
            }
        }
        let (mut expected, mut got) = (shown(&expected), shown(&got));
        if self.file.fuzzy_compare {
            forgive(&expected, &mut got);
        }
        compare(test.at, what, &mut expected, &mut got)
    }
}
