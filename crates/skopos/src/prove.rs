//! `skopos prove`: proves the alerting rules of packs and rule files, prints the verdicts, and writes them for CI.
//! `skopos dead` and `skopos coverage` ask a server.

mod chain;
mod coverage;
mod dead;
mod junit;
mod rules;
mod run;
mod show;
mod silences;
mod witness;

use std::process::ExitCode;

use crate::cli::prove::ProveArgs;
use crate::query::table;

pub(crate) use chain::follow;
pub(crate) use coverage::run as run_coverage;
pub(crate) use dead::run as run_dead;
pub(crate) use run::prove_all;

/// Exit code of findings.
const FINDINGS: u8 = 3;

/// Proves, prints, writes, and gives the exit code: 0 fine, 3 if a rule is broken.
pub(crate) fn run(args: &ProveArgs) -> anyhow::Result<ExitCode> {
    let subject = rules::load(args)?;
    let prover = subject.prover();
    let mut report = run::prove_with_progress(&prover);
    let silences = match &args.silences {
        Some(place) => silences::read(place, args.http_config.as_deref())?,
        None => Vec::new(),
    };
    follow(
        &prover,
        &mut report,
        &subject.alerting,
        subject.external_url(),
        silences,
    )?;
    if let Some(path) = &args.junit {
        junit::write(path, &report)?;
    }
    if let Some(folder) = &args.witness_dir {
        witness::write_all(folder, &report)?;
    }
    if args.json {
        table::print_json(&serde_json::to_value(&report)?);
    } else {
        show::print(&report);
    }
    Ok(if report.counts.broken > 0 || !report.findings.is_empty() {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}
