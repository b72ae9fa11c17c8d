//! What the systems of the fleet share: the event bus, stores and exporters beside it.
//!
//! Stores are the real programs, kept by a process of the fleet: their data lies in a folder of ours, their lines become
//! our log lines, and they end with us. Without the program the process stays, says so once, and its `/metrics` answers.
//! Exporters are ours where no other answers on their port.

use clap::{Args, Subcommand};
use skopos_fleet_frame::{FleetError, Role, ServiceSpec, SystemSpec};

mod broker;
mod cadvisor;
mod exporter;
mod folder;
mod node_exporter;
mod postgres;
mod program;
mod redis;

pub use exporter::is_exporter;

/// Name on the command line.
pub const NAME: &str = "infra";
/// The embedded event bus.
pub const BROKER: &str = "broker";
/// Redis on 6379 with its exporter; one process, so that it can be taken away as a whole.
pub const REDIS: &str = "redis";
/// PostgreSQL on 5432 with its exporter; one process, so that it can be taken away as a whole.
pub const POSTGRES: &str = "postgres";
/// The machine's metrics.
pub const NODE_EXPORTER: &str = "node-exporter";
/// What containers, or the fleet's processes, use.
pub const CADVISOR: &str = "cadvisor";

/// The shared services. A system names those that it needs.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "what the systems share",
    services: &[
        ServiceSpec {
            role: Role::Bus,
            ..ServiceSpec::service(NAME, BROKER, 9092, "event bus on the Kafka protocol, in memory").start_order(0)
        },
        ServiceSpec::exporter(
            NAME,
            REDIS,
            9121,
            "Redis on 6379 where it is installed, with its exporter",
        )
        .start_order(0),
        ServiceSpec::exporter(
            NAME,
            POSTGRES,
            9187,
            "PostgreSQL on 5432 where it is installed, with its exporter",
        )
        .start_order(0),
        ServiceSpec::exporter(NAME, NODE_EXPORTER, 9100, "the machine's metrics"),
        ServiceSpec::exporter(NAME, CADVISOR, 8080, "what containers and the fleet's processes use"),
    ],
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
    /// Redis where it is installed, with its exporter.
    Redis(redis::RedisArgs),
    /// PostgreSQL where it is installed, with its exporter.
    Postgres(postgres::PostgresArgs),
    /// The machine's metrics under node_exporter's names.
    NodeExporter(node_exporter::NodeExporterArgs),
    /// What containers and the fleet's processes use, under cAdvisor's names.
    Cadvisor(cadvisor::CadvisorArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: InfraCommand) -> Result<(), FleetError> {
    match command.service {
        Service::Broker(arguments) => broker::run(arguments),
        Service::Redis(arguments) => redis::run(arguments),
        Service::Postgres(arguments) => postgres::run(arguments),
        Service::NodeExporter(arguments) => node_exporter::run(arguments),
        Service::Cadvisor(arguments) => cadvisor::run(arguments),
    }
}
