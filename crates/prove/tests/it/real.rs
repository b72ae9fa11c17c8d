//! The real rule files: a verdict for every alert.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use skopos_prove::{ProveOptions, Prover, RuleReport, Verdict};
use skopos_rules::parse_rule_file;

pub(crate) fn shared(path: &str) -> PathBuf {
    let root = std::env::var("SKOPOS_SHARED").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    assert!(path.exists(), "{} is missing; set SKOPOS_SHARED", path.display());
    path
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[derive(Deserialize)]
struct Expected {
    files: Vec<Case>,
}
#[derive(Deserialize)]
struct Case {
    file: String,
    valid: bool,
}

/// The verdicts on all real rules, each file alone.
pub(crate) fn real_reports() -> Vec<RuleReport> {
    let root = shared("real/rules");
    let expected: Expected = serde_saphyr::from_str(&read(&root.join("EXPECT.yaml"))).expect("the table is valid");
    let mut reports = Vec::new();
    for case in expected.files {
        if !case.valid {
            continue;
        }
        let file = parse_rule_file(&read(&root.join(&case.file)), &case.file).expect("the file is valid");
        let prover = Prover::new(&[file], ProveOptions::default());
        reports.extend(prover.prove(&mut |_| {}).rules);
    }
    reports
}

#[test]
fn most_real_rules_are_proven() {
    let started = std::time::Instant::now();
    let reports = real_reports();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for report in &reports {
        *counts.entry(report.verdict.as_str()).or_default() += 1;
        if report.verdict != Verdict::Proven {
            let expr = report.expr.split_whitespace().collect::<Vec<_>>().join(" ");
            println!(
                "{:?} {:?} {}:{} {}\n    {expr}\n    {}",
                report.verdict,
                report.link,
                report.file,
                report.line,
                report.name,
                report.why.as_deref().unwrap_or_default()
            );
        }
    }
    println!("{counts:?} of {} in {:?}", reports.len(), started.elapsed());
    let proven = counts.get("proven").copied().unwrap_or_default();
    assert!(proven * 100 >= reports.len() * 95, "{counts:?}");
}
