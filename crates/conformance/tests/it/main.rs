//! The conformance suites as tests: one test per suite or file.

mod part;
mod round_trip;

use std::path::Path;

use skopos_conformance::{SUITES, Suite};

#[test]
fn suites_have_data() {
    for suite in SUITES {
        let data = suite.default_data();
        assert!(data.exists(), "{} is missing; set SKOPOS_SHARED", data.display());
        assert!(Suite::by_name(suite.name).is_some());
    }
}

fn all_cases_hold(suite: &str) {
    let suite = Suite::by_name(suite).expect("the suite is listed");
    let outcome = suite.run(&suite.default_data()).expect("the data is readable");
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(outcome.is_success(), "{outcome}\n{}", failures.join("\n"));
}

#[test]
fn exposition() {
    all_cases_hold("exposition");
}

#[test]
fn otlp_names() {
    all_cases_hold("otlp-names");
}

#[test]
fn jaeger_thrift() {
    all_cases_hold("jaeger-thrift");
}

#[test]
fn config() {
    all_cases_hold("config");
}

#[test]
fn alertmanager_config() {
    all_cases_hold("alertmanager-config");
}

#[test]
fn alertmanager_scenarios() {
    all_cases_hold("alertmanager-scenarios");
}

#[test]
fn pii() {
    all_cases_hold("pii");
}

#[test]
fn relabel() {
    all_cases_hold("relabel");
}

#[test]
fn rule_files() {
    all_cases_hold("rule-files");
}

#[test]
fn rule_tests() {
    all_cases_hold("rule-tests");
}

/// Rule files as people publish them, with the number of rules that Prometheus loads.
#[test]
fn published_rule_files() {
    let suite = Suite::by_name("rule-files").expect("the suite is listed");
    let data = skopos_conformance::shared_dir().join("real/rules");
    let outcome = suite.run(&data).expect("the data is readable");
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(outcome.is_success(), "{outcome}\n{}", failures.join("\n"));
}

/// Fewest cases of the scripts and tables; less means that data was lost.
const LEAST_PROMQL_CASES: usize = 2000;

#[test]
fn promql() {
    let suite = Suite::by_name("promql").expect("the suite is listed");
    let outcome = suite.run(&suite.default_data()).expect("the data is readable");
    assert!(
        outcome.passed + outcome.failures.len() >= LEAST_PROMQL_CASES,
        "{outcome}"
    );
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(outcome.is_success(), "{outcome}\n{}", failures.join("\n"));
}

/// Our own scripts: what those of Prometheus leave open.
#[test]
fn promql_scenarios() {
    let suite = Suite::by_name("promql").expect("the suite is listed");
    let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let outcome = suite.run(Path::new(scenarios)).expect("the scenarios are readable");
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(outcome.is_success(), "{outcome}\n{}", failures.join("\n"));
}

/// Scenarios of our own, in the form of the shared ones.
#[test]
fn own_alertmanager_scenarios() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/alertmanager.yaml"));
    let outcome = skopos_conformance::alertmanager::scenarios::run(file).expect("the file is readable");
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(outcome.is_success(), "{outcome}\n{}", failures.join("\n"));
}
