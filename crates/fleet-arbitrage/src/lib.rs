//! Arbitrage AI: agents that scan marketplaces, buy where goods are cheap, pay, and sell where they are dear.
//!
//! ```text
//! traffic ─tasks─▶ arbitrage ─▶ marketplace-north, marketplace-south (listings, demand, bids, sales)
//!                      ├─▶ model-service (chat completions)
//!                      ├─▶ payment-provider ─signed webhook─▶ arbitrage
//!                      └─ retrieval over its documents, arena of strategies
//! ```

use clap::{Args, Subcommand};
use opentelemetry::global;
use skopos_fleet_frame::{Context, FleetError, ServiceSpec, SystemSpec};
use skopos_sdk::http_server::HttpMetricSet;
use skopos_sdk::propagation::{Propagator, composite};
use skopos_sdk::{HttpLayer, HttpOptions};

use crate::faults::FAULTS;

mod app;
mod failure;
mod faults;
mod market;
mod model;
mod payments;
mod peer;
mod signature;
mod text;
mod traffic;

/// Name of the system on the command line.
pub const NAME: &str = "arbitrage";
const APP: &str = "arbitrage";
const MODEL: &str = "model-service";
const NORTH: &str = "marketplace-north";
const SOUTH: &str = "marketplace-south";
const PAYMENTS: &str = "payment-provider";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "agents that buy and sell between marketplaces: tasks, model calls, payments, retrieval, an arena",
    services: &[
        ServiceSpec::service(NAME, MODEL, 8051, "language models: answers from what a prompt holds"),
        ServiceSpec::service(
            NAME,
            NORTH,
            8052,
            "a marketplace whose prices move with supply and demand",
        ),
        ServiceSpec::service(NAME, SOUTH, 8053, "a second marketplace with prices of its own"),
        ServiceSpec::service(
            NAME,
            PAYMENTS,
            8054,
            "settles payments and tells of it with signed webhooks",
        ),
        ServiceSpec::service(
            NAME,
            APP,
            8050,
            "runs tasks: scans, bids, payments, retrieval, competitions",
        ),
        ServiceSpec::traffic(NAME, TRAFFIC, "seeded mix of tasks"),
    ],
    needs: &[],
    faults: FAULTS,
};

/// A service of Arbitrage AI.
#[derive(Debug, Args)]
pub struct ArbitrageCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Runs tasks: scans, bids, payments, retrieval, competitions.
    #[command(name = APP)]
    App(Box<app::AppArgs>),
    /// Language models: answers from what a prompt holds.
    #[command(name = MODEL)]
    Model(model::ModelArgs),
    /// A marketplace whose prices move with supply and demand.
    #[command(name = NORTH)]
    North(market::NorthArgs),
    /// A second marketplace with prices of its own.
    #[command(name = SOUTH)]
    South(market::SouthArgs),
    /// Settles payments and tells of it with signed webhooks.
    #[command(name = PAYMENTS)]
    Payments(payments::PaymentArgs),
    /// Seeded mix of tasks.
    #[command(name = TRAFFIC)]
    Traffic(traffic::TrafficArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: ArbitrageCommand) -> Result<(), FleetError> {
    match command.service {
        Service::App(arguments) => app::run(*arguments),
        Service::Model(arguments) => model::run(arguments),
        Service::North(arguments) => market::run_north(&arguments),
        Service::South(arguments) => market::run_south(&arguments),
        Service::Payments(arguments) => payments::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
    }
}

/// The layer that every service of the system observes its requests with.
fn http_layer(context: &Context) -> Result<HttpLayer, FleetError> {
    let options = HttpOptions {
        metric_sets: vec![HttpMetricSet::RequestDurationMilliseconds],
        ..HttpOptions::default()
    };
    Ok(context.observability.http_layer_with(&options)?)
}

/// The system's requests carry W3C and both forms of B3, unless `OTEL_PROPAGATORS` says otherwise.
fn propagate() {
    if std::env::var_os("OTEL_PROPAGATORS").is_none() {
        let all = [
            Propagator::B3Multi,
            Propagator::B3,
            Propagator::Baggage,
            Propagator::TraceContext,
        ];
        global::set_text_map_propagator(composite(&all));
    }
}
