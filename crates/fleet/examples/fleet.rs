//! The fleet without the server: `cargo run -p skopos-fleet --example fleet -- somaagent01 gateway`.
//!
//! Compiles far faster than the whole program; the integration test starts its processes from here. A leading `fleet`
//! is accepted, so that command lines are those of `skopos`.

use clap::{Parser, Subcommand};
use skopos_fleet::FleetCommand;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one service of the fleet.
    Fleet(FleetCommand),
}

fn main() -> Result<(), skopos_fleet::FleetError> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first != "fleet") {
        arguments.insert(1, "fleet".into());
    }
    let Command::Fleet(command) = Cli::parse_from(arguments).command;
    skopos_fleet::run(command)
}
