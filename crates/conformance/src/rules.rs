//! Suites `rule-files` and `rule-tests`, and `rules` with both: rule files of others load as in Prometheus, and their unit
//! tests have promtool's verdicts.
//!
//! Two layouts are known: `expected.tsv` (a verdict for each rule file and test file) and
//! `EXPECT.yaml` (the number of rules of each file). `template_cases.jsonl`, anywhere below, holds
//! rules and whether their templates are valid.

mod files;
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub use files::run as run_files;
pub use tests::run as run_tests;

use crate::{Outcome, data};

/// Runs both suites.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = run_files(dir)?;
    outcome.merge(run_tests(dir)?);
    Ok(outcome)
}

/// A line of `expected.tsv`.
struct Expected {
    file: String,
    kind: String,
    verdict: String,
}

/// The lines of `expected.tsv` in `dir` whose files are there; none where there is no such table.
fn expected(dir: &Path) -> anyhow::Result<Vec<Expected>> {
    let table = dir.join("expected.tsv");
    let text = data::text(&table)?.unwrap_or_default();
    let mut lines = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let mut fields = line.split('\t').map(str::to_owned);
        let (Some(file), Some(kind), Some(verdict)) = (fields.next(), fields.next(), fields.next()) else {
            anyhow::bail!("{}: {line:?} has fewer than three fields", table.display());
        };
        if dir.join(&file).is_file() {
            lines.push(Expected { file, kind, verdict });
        }
    }
    Ok(lines)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

/// Every file of a name below `dir`, sorted.
fn find(dir: &Path, name: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|other| other == name) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
