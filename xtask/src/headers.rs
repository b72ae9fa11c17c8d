//! Checks that every Rust file opens with a header and stays below the size at which it must be
//! split.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

const MAX_LINES: usize = 1000;
const HEADER_WITHIN: usize = 5;

/// Files without a header and files that are too long.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for top in ["crates", "xtask", "bench"] {
        for path in rust_files(&root.join(top))? {
            let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            if !text.lines().take(HEADER_WITHIN).any(|line| line.starts_with("//!")) {
                findings.push(format!(
                    "{}: no `//!` header that says what the file is for",
                    path.display()
                ));
            }
            let lines = text.lines().count();
            if lines > MAX_LINES {
                findings.push(format!(
                    "{}: {lines} lines; split it (at most {MAX_LINES})",
                    path.display()
                ));
            }
        }
    }
    Ok(findings)
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "target" && name != "generated")
            {
                found.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
