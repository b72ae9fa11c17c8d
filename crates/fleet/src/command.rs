//! The command line of the fleet: which system, which service, and what each can be told.

use clap::{Args, Subcommand};
use skopos_fleet_frame::FleetError;

/// Run one service of a system of the fleet; `skopos demo` starts them all.
#[derive(Debug, Args)]
pub struct FleetCommand {
    #[command(subcommand)]
    system: System,
}

#[derive(Debug, Subcommand)]
enum System {
    /// What the systems share: the event bus.
    Infra(skopos_fleet_infra::InfraCommand),
    /// Conversations with an agent: gateway, worker, tools and traffic over an event bus.
    #[command(name = "somaagent01")]
    SomaAgent01(skopos_fleet_somaagent01::SomaCommand),
    /// Projects carried out by agents under policy, and a marketplace of capsules.
    #[command(name = "somaagent")]
    SomaAgent(skopos_fleet_somaagent::SomaAgentCommand),
    /// Agents that buy and sell between marketplaces: tasks, model calls, payments, retrieval.
    Arbitrage(skopos_fleet_arbitrage::ArbitrageCommand),
    /// Recommendations for many shops: backend, ML engine, data pipeline and traffic.
    Recommender(skopos_fleet_recommender::RecommenderCommand),
    /// Portfolio analysis: executor API, agents, pricing packs and traffic.
    Dawsos(skopos_fleet_dawsos::DawsosCommand),
}

/// Runs the service until SIGTERM, SIGINT or, with `--exit-with-parent`, the end of standard input. Blocks.
///
/// Call it first in `main`: it makes a runtime of its own and installs the process's observability.
pub fn run(command: FleetCommand) -> Result<(), FleetError> {
    match command.system {
        System::Infra(command) => skopos_fleet_infra::run(command),
        System::SomaAgent01(command) => skopos_fleet_somaagent01::run(command),
        System::SomaAgent(command) => skopos_fleet_somaagent::run(command),
        System::Arbitrage(command) => skopos_fleet_arbitrage::run(command),
        System::Recommender(command) => skopos_fleet_recommender::run(command),
        System::Dawsos(command) => skopos_fleet_dawsos::run(command),
    }
}
