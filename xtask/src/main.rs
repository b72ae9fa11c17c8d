//! Repository chores that compilers cannot check: `cargo xtask tidy` and `cargo xtask ci`.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on stdout")]

mod floors;
mod headers;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

fn main() -> anyhow::Result<ExitCode> {
    let root = workspace_root()?;
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(&root),
        Some("ci") => ci(&root),
        other => {
            println!("usage: cargo xtask tidy|ci (got {other:?})");
            Ok(ExitCode::from(2))
        }
    }
}

fn tidy(root: &std::path::Path) -> anyhow::Result<ExitCode> {
    let mut findings = floors::check(root)?;
    findings.extend(headers::check(root)?);
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings", findings.len());
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}

fn ci(root: &std::path::Path) -> anyhow::Result<ExitCode> {
    let status = Command::new("bash")
        .arg(root.join(".ci/run"))
        .status()
        .context("failed to start .ci/run")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}

fn workspace_root() -> anyhow::Result<PathBuf> {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(PathBuf::from)
        .context("xtask lies directly below the workspace root")
}
