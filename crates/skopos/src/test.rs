//! `skopos test rules`: runs unit-test files in promtool's format.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use regex::Regex;
use serde_json::{Value, json};
use skopos_promql::EngineOptions;
use skopos_rules::unittest::{
    CaseReport, Difference, Style, TestFailure, TestOptions, TestReport, junit, parse_test_file, render, run_tests,
};
use skopos_rules::{Reading, RuleFile, UnknownFields, parse_rule_file_as};

use crate::banner::print_line;
use crate::cli::test::TestRulesArgs;
use crate::features::Features;

/// Runs every file, prints the outcome, and gives the exit code: 0 all hold, 1 some do not.
pub(crate) fn run(args: &TestRulesArgs) -> anyhow::Result<ExitCode> {
    let (features, unknown) = Features::parse(&args.feature_names);
    for name in unknown {
        print_line(&format!(
            "--enable-feature={name}: there is no such feature; it is ignored"
        ));
    }
    let options = TestOptions {
        engine: features.apply(EngineOptions::default()),
        filter: filter(&args.run)?,
    };
    let style = Style {
        is_coloured: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        as_diff: args.diff,
    };
    let mut reports = Vec::new();
    for path in &args.files {
        let report = run_file(path, args, &options)?;
        if !args.json {
            print_line(&format!("Unit Testing:  {}", path.display()));
            print_line(&format!("  {}", render(&report, style)));
            print_line("");
        }
        reports.push(report);
    }
    if args.json {
        print_line(&reports.iter().map(report_json).collect::<Value>().to_string());
    }
    if let Some(path) = &args.junit {
        std::fs::write(path, junit(&reports)).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(if reports.iter().all(TestReport::is_success) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn filter(patterns: &[String]) -> anyhow::Result<Option<Regex>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let pattern = patterns.join("|");
    Ok(Some(Regex::new(&pattern).with_context(|| format!("--run {pattern}"))?))
}

/// A file that cannot be read as a test file is a report with one failure.
fn run_file(path: &Path, args: &TestRulesArgs, options: &TestOptions) -> anyhow::Result<TestReport> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let name = path.display().to_string();
    let unknown_fields = if args.ignore_unknown_fields {
        UnknownFields::Ignored
    } else {
        UnknownFields::Refused
    };
    let file = match parse_test_file(&text, &name, unknown_fields) {
        Ok(file) => file,
        Err(error) => {
            let place = error
                .problems
                .first()
                .map_or((0, 0), |problem| (problem.line, problem.column));
            return Ok(TestReport {
                file: name,
                cases: vec![CaseReport {
                    name: "the file is readable".to_owned(),
                    at: place,
                    failures: vec![TestFailure::error(place, error.to_string())],
                }],
            });
        }
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let reading = Reading {
        syntax: options.engine.syntax,
        unknown_fields,
        ..Reading::default()
    };
    let rules = rule_files(folder, &file.rule_files, reading).map_err(|error| format!("{error:#}"));
    Ok(run_tests(&file, &rules, options))
}

fn rule_files(folder: &Path, patterns: &[String], reading: Reading) -> anyhow::Result<Vec<RuleFile>> {
    let mut files = Vec::new();
    for pattern in patterns {
        let paths = skopos_config::glob_files(folder, pattern).map_err(|problem| problem.in_file(pattern))?;
        if paths.is_empty() {
            print_line(&format!("  WARNING: no file match pattern {pattern}"));
        }
        for path in paths {
            let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            files.push(parse_rule_file_as(&text, &path.display().to_string(), reading)?);
        }
    }
    Ok(files)
}

fn report_json(report: &TestReport) -> Value {
    let cases: Vec<Value> = report
        .cases
        .iter()
        .map(|case| {
            let failures: Vec<Value> = case.failures.iter().map(failure_json).collect();
            json!({"name": case.name, "line": case.at.0, "ok": case.failures.is_empty(), "failures": failures})
        })
        .collect();
    json!({"file": report.file, "ok": report.is_success(), "tests": cases})
}

fn failure_json(failure: &TestFailure) -> Value {
    let differences: Vec<Value> = failure
        .differences
        .iter()
        .map(|difference| match difference {
            Difference::Missing(line) => json!({"missing": line}),
            Difference::Surplus(line) => json!({"notExpected": line}),
            Difference::Part {
                about,
                part,
                expected,
                got,
            } => {
                json!({"about": about, "part": part, "expected": expected, "got": got})
            }
        })
        .collect();
    json!({
        "line": failure.at.0, "what": failure.what, "differences": differences,
        "expected": failure.expected, "got": failure.got,
    })
}
