//! The command line of the fleet: which system, which service, and what each can be told.

use clap::{Args, Subcommand};

use crate::FleetError;
use crate::somaagent01::{self, SomaCommand};

/// Run one service of a system of the fleet; `skopos demo` starts them all.
#[derive(Debug, Args)]
pub struct FleetCommand {
    #[command(subcommand)]
    system: System,
}

#[derive(Debug, Subcommand)]
enum System {
    /// Conversations with an agent: gateway, worker, tools and traffic over an event bus.
    #[command(name = "somaagent01")]
    SomaAgent01(SomaCommand),
}

/// Runs the service until SIGTERM, SIGINT or, with `--exit-with-parent`, the end of standard input. Blocks.
///
/// Call it first in `main`: it makes a runtime of its own and installs the process's observability.
pub fn run(command: FleetCommand) -> Result<(), FleetError> {
    match command.system {
        System::SomaAgent01(command) => somaagent01::run(command),
    }
}
