//! `skopos query …`: asks a running server and prints tables for people or JSON for programs.

pub(crate) mod api;
mod explain;
mod logs;
mod metrics;
pub(crate) mod table;
mod traces;

use crate::cli::query::QueryCommand;

/// Runs one query command.
pub(crate) async fn run(command: QueryCommand) -> anyhow::Result<()> {
    match command {
        QueryCommand::Metrics(args) => metrics::run(args).await,
        QueryCommand::Logs(args) => logs::run(args).await,
        QueryCommand::Traces(args) => traces::run(args).await,
    }
}
