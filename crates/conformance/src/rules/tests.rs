//! Suite `rule-tests`.

use std::path::Path;

use skopos_promql::{EngineOptions, Feature, ParseOptions};
use skopos_rules::unittest::{Style, TestOptions, TestReport, parse_test_file, render, run_tests};
use skopos_rules::{RuleFile, UnknownFields, parse_rule_file};

use super::{expected, read};
use crate::Outcome;

/// Runs every unit-test file that the table in `dir` names; a case is a file.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for line in expected(dir)?.into_iter().filter(|line| line.kind == "test") {
        let path = dir.join(&line.file);
        let text = read(&path)?;
        let result = match (report(&path, &line.file, &text), line.verdict.as_str()) {
            (Ok(report), "pass") if report.is_success() => Ok(()),
            (Ok(report), "pass") => Err(render(&report, Style::default())),
            (Ok(report), _) if report.is_success() => Err(format!("passes, expected {}", line.verdict)),
            (Err(error), "pass") => Err(error),
            (Ok(_) | Err(_), _) => Ok(()),
        };
        outcome.record(line.file, result);
    }
    Ok(outcome)
}

fn report(path: &Path, name: &str, text: &str) -> Result<TestReport, String> {
    let file = parse_test_file(text, name, UnknownFields::Refused).map_err(|error| error.to_string())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let rules = rules(folder, &file.rule_files);
    Ok(run_tests(&file, &rules, &options()))
}

/// As promtool without feature flags.
fn options() -> TestOptions {
    TestOptions {
        engine: EngineOptions {
            syntax: ParseOptions::all(Feature::Disabled),
            delayed_name_removal: Feature::Disabled,
            start_timestamps: Feature::Disabled,
            ..EngineOptions::default()
        },
        filter: None,
    }
}

fn rules(folder: &Path, patterns: &[String]) -> Result<Vec<RuleFile>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        for path in skopos_config::glob_files(folder, pattern).map_err(|problem| problem.message)? {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.push(parse_rule_file(&text, &path.display().to_string()).map_err(|error| error.to_string())?);
        }
    }
    Ok(files)
}
