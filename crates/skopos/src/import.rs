//! `skopos import`: samples of other systems straight into the store of a data directory.

mod gather;
mod head;
mod openmetrics;
mod progress;
mod prometheus;
mod report;
mod selection;
mod target;

use std::process::ExitCode;

use crate::cli::import::ImportCommand;

pub(crate) use selection::Selected;

/// Exit code where something was damaged and is missing now.
const DAMAGED: u8 = 3;

pub(crate) fn run(command: &ImportCommand) -> anyhow::Result<ExitCode> {
    let (report, is_json) = match command {
        ImportCommand::Prometheus(args) => (prometheus::import(args)?, args.target.json),
        ImportCommand::Openmetrics(args) => (openmetrics::import(args)?, args.target.json),
    };
    report.print(is_json)?;
    Ok(if report.damage.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DAMAGED)
    })
}
