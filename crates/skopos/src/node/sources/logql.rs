//! Rule files of Loki: those that flags name, and those of packs, which their names tell from
//! Prometheus' rule files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use skopos_rules::{RuleFile, parse_logql_rule_file};

/// What rule files of Loki are called in a pack.
const IN_PACKS: [&str; 4] = [
    "loki_rules*.yml",
    "loki_rules*.yaml",
    "logql_rules/*.yml",
    "logql_rules/*.yaml",
];

/// The files, without repetition, in the order of flags and packs.
pub(super) fn files(patterns: &[String], packs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut add = |paths: Vec<PathBuf>| {
        for path in paths {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    };
    for pattern in patterns {
        let paths = skopos_config::glob_files(Path::new("."), pattern);
        let paths = paths
            .map_err(|problem| problem.in_file(pattern))
            .context("--rules.logql")?;
        anyhow::ensure!(!paths.is_empty(), "--rules.logql {pattern}: there is no such file");
        add(paths);
    }
    for pack in packs {
        for pattern in IN_PACKS {
            add(skopos_config::glob_files(pack, pattern).map_err(|problem| problem.in_file(pack))?);
        }
    }
    Ok(found)
}

/// Reads and checks a file.
pub(super) fn read(path: &Path) -> anyhow::Result<RuleFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(parse_logql_rule_file(&text, &path.display().to_string())?)
}
