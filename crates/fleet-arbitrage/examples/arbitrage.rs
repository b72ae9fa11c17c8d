//! The system alone: `cargo run -p skopos-fleet-arbitrage --example arbitrage -- arbitrage`.
//!
//! Compiles far faster than the whole fleet; the integration test starts its processes from here.

use clap::Parser;
use skopos_fleet_arbitrage::ArbitrageCommand;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    command: ArbitrageCommand,
}

fn main() -> Result<(), skopos_fleet_frame::FleetError> {
    skopos_fleet_arbitrage::run(Cli::parse().command)
}
