//! Witnesses in the real promtool: what is proven here fires there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use skopos_prove::{RuleReport, Verdict, witness_as_promtool_test};

use crate::real::real_reports;

/// Rules that are taken from all that are proven.
const SAMPLE: usize = 200;
const PROMTOOL: &str = "/usr/bin/promtool";

#[test]
fn a_sample_of_witnesses_fires_in_promtool() {
    assert!(
        Path::new(PROMTOOL).exists(),
        "{PROMTOOL} is missing: install the package prometheus"
    );
    let reports = real_reports();
    let proven: Vec<&RuleReport> = reports
        .iter()
        .filter(|report| report.verdict == Verdict::Proven)
        .filter(|report| witness_as_promtool_test(report, "").is_some())
        .collect();
    let size: usize = std::env::var("SAMPLE")
        .ok()
        .and_then(|t| t.parse().ok())
        .unwrap_or(SAMPLE);
    let stride = (proven.len() / size).max(1);
    let sample: Vec<&RuleReport> = proven.iter().copied().step_by(stride).take(size).collect();
    assert!(sample.len() >= SAMPLE, "{}", sample.len());
    let refused = refused_by_promtool(&sample);
    assert!(
        refused.is_empty(),
        "{} of {}:\n{}",
        refused.len(),
        sample.len(),
        refused.join("\n")
    );
}

/// What promtool says of each witness that does not fire as told.
pub(crate) fn refused_by_promtool(reports: &[&RuleReport]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut tests = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        let rules = format!("rules-{index}.yml");
        let test = witness_as_promtool_test(report, &rules).expect("the rule has fired");
        let path = folder.path().join(format!("test-{index}.yml"));
        std::fs::write(folder.path().join(&rules), &test.rules).expect("the folder can be written");
        std::fs::write(&path, &test.test).expect("the folder can be written");
        tests.push(path);
    }
    // Failures go to stderr: in one stream they stand below their file.
    let both = format!("exec {PROMTOOL} test rules \"$@\" 2>&1");
    let output = Command::new("sh").args(["-c", &both, "sh"]).args(&tests).output();
    let output = output.unwrap_or_else(|error| panic!("sh: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    let mut passed = BTreeSet::new();
    let mut current = String::new();
    for line in said.lines() {
        if let Some(path) = line.strip_prefix("Unit Testing:") {
            path.trim().clone_into(&mut current);
        } else if line.trim() == "SUCCESS" {
            passed.insert(current.clone());
        }
    }
    let failed = tests
        .iter()
        .zip(reports)
        .filter(|(path, _)| !passed.contains(&path.display().to_string()));
    failed
        .map(|(path, report)| {
            let from = said.find(&format!("Unit Testing:  {}", path.display())).unwrap_or(0);
            let about: Vec<&str> = said[from..].lines().take(14).collect();
            let witness = &report.witness;
            format!(
                "{}: {}\n{}\n{witness:?}\n{}",
                report.file,
                report.name,
                report.expr,
                about.join("\n")
            )
        })
        .collect()
}
