//! What the systems of the fleet share: the event bus, and later the stores and exporters beside it.

use clap::{Args, Subcommand};
use skopos_fleet_frame::{FleetError, Role, ServiceSpec, SystemSpec};

mod broker;

/// Name on the command line.
pub const NAME: &str = "infra";
/// The embedded event bus.
pub const BROKER: &str = "broker";

/// The shared services. A system names those that it needs.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "what the systems share",
    services: &[ServiceSpec {
        role: Role::Bus,
        ..ServiceSpec::service(NAME, BROKER, 9092, "event bus on the Kafka protocol, in memory").start_order(0)
    }],
    needs: &[],
    faults: &[],
};

/// One of the shared services.
#[derive(Debug, Args)]
pub struct InfraCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Event bus on the Kafka protocol, in memory, with /metrics on the same port.
    Broker(broker::BrokerArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: InfraCommand) -> Result<(), FleetError> {
    match command.service {
        Service::Broker(arguments) => broker::run(arguments),
    }
}
