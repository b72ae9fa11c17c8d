//! `skopos-conformance SUITE [--dir DIR]`: runs a suite and prints each failing case.
//!
//! The last line is always `N passed, N failed`; the exit code is 1 if a case failed.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use skopos_conformance::{SUITES, Suite};

/// Runs conformance data of other projects against Skopos.
#[derive(Debug, Parser)]
#[command(name = "skopos-conformance")]
struct Arguments {
    /// Name of the suite.
    suite: String,
    /// Folder (or file) of the suite's data; the shared folder's by default.
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let suite = Suite::by_name(&arguments.suite).with_context(|| {
        let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        format!("unknown suite {:?}; there are: {}", arguments.suite, names.join(", "))
    })?;
    let data = arguments.dir.unwrap_or_else(|| suite.default_data());
    let outcome = suite.run(&data)?;
    let mut out = std::io::stdout().lock();
    for failure in &outcome.failures {
        writeln!(out, "{failure}")?;
    }
    writeln!(out, "{outcome}")?;
    Ok(if outcome.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
