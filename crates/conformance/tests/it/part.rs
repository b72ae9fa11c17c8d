//! Folders that have less than a whole suite.

use std::path::Path;

use skopos_conformance::{SUITES, Suite};

/// Suites, a folder of the shared data, some of its files, and how many cases those are.
const PARTS: [(&str, &str, &[&str], usize); 11] = [
    ("config", "config", &["conf.good.yml", "regex.bad.yml"], 2),
    ("config", "config", &["expected.tsv", "regex.bad.yml"], 1),
    ("config", "config", &["semantics.jsonl", "agent_mode.good.yml"], 2),
    ("promql", "promql", &["durations.jsonl"], 22),
    (
        "exposition",
        "exposition",
        &["expected.jsonl.gz", "inline_cases.jsonl"],
        107,
    ),
    ("otlp-names", "otlp", &["histogram_buckets.yaml"], 21),
    ("jaeger-thrift", "jaeger", &["thrift_http.yaml"], 3),
    ("pii", "sentry", &["pii_rules.yaml"], 28),
    ("relabel", ".", &["relabel.yaml"], 66),
    (
        "rules",
        "rules",
        &["expected.tsv", "realworld/govuk/argo_workflows.yaml"],
        1,
    ),
    (
        "alertmanager-config",
        "alertmanager/config",
        &["EXPECT.yaml", "conf.good.yml"],
        1,
    ),
];

#[test]
fn what_is_there_runs() {
    let shared = skopos_conformance::shared_dir().join("conformance");
    let mut ran = Vec::new();
    for (suite, data, files, _) in PARTS {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            copy(&shared.join(data).join(file), &folder.path().join(file));
        }
        let suite = Suite::by_name(suite).expect("the suite is listed");
        let outcome = suite.run(folder.path()).expect("the data is readable");
        assert_eq!(outcome.failures, [], "{} {files:?}", suite.name);
        ran.push((suite.name, outcome.passed));
    }
    assert_eq!(ran, PARTS.map(|(suite, _, _, cases)| (suite, cases)));
}

#[test]
fn nothing_at_all_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for suite in SUITES {
        for data in [folder.path(), &folder.path().join("missing")] {
            suite.run(data).expect_err(suite.name);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("in a folder")).expect("a folder");
    std::fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}
