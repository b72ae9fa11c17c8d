//! SomaAgent01's conversation path: `gateway` ▶ `conversation-worker` ▶ `tool-executor` over the event bus.
//!
//! ```text
//! traffic ─HTTP, WebSocket─▶ gateway ─conversation.inbound─▶ conversation-worker ─tool.requests─▶ tool-executor
//!                               ▲                                   │      ▲                            │
//!                               └───────conversation.outbound───────┘      └────────tool.results────────┘
//! ```

use clap::{Args, Subcommand};

use crate::FleetError;
use crate::service::{FaultSpec, ServiceSpec};

mod broker;
mod executor;
mod gateway;
mod policy;
mod tools;
mod topics;
mod traffic;
mod worker;

/// Name of the system on the command line.
pub const SYSTEM: &str = "somaagent01";
pub(crate) const BROKER: &str = "broker";
pub(crate) const GATEWAY: &str = "gateway";
pub(crate) const WORKER: &str = "conversation-worker";
pub(crate) const EXECUTOR: &str = "tool-executor";
pub(crate) const TRAFFIC: &str = "traffic";

/// The services in the order in which they are started.
#[must_use]
pub fn services() -> &'static [ServiceSpec] {
    const fn spec(name: &'static str, port: Option<u16>, start_order: u8, about: &'static str) -> ServiceSpec {
        ServiceSpec {
            system: SYSTEM,
            name,
            port,
            about,
            start_order,
            is_bus: false,
        }
    }
    const SERVICES: &[ServiceSpec] = &[
        ServiceSpec {
            is_bus: true,
            ..spec(BROKER, Some(9092), 0, "event bus on the Kafka protocol, in memory")
        },
        spec(EXECUTOR, Some(8012), 1, "runs tools in limited subprocesses"),
        spec(
            WORKER,
            Some(8011),
            1,
            "classifies, budgets and answers messages with a small language model",
        ),
        spec(
            GATEWAY,
            Some(8010),
            1,
            "HTTP and WebSocket door: authentication, policy, sessions",
        ),
        spec(TRAFFIC, None, 2, "seeded mix of users, some of whom do it wrong"),
    ];
    SERVICES
}

/// The faults that services of this system can be given with `--fault`.
#[must_use]
pub fn faults() -> &'static [FaultSpec] {
    &[FaultSpec {
        name: worker::SLM_SLOW,
        service: WORKER,
        about: "the language model takes 6 to 8 s a call; SlowConversationProcessing fires",
    }]
}

/// A service of SomaAgent01.
#[derive(Debug, Args)]
pub(crate) struct SomaCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Event bus on the Kafka protocol, in memory, with /metrics on the same port.
    Broker(broker::BrokerArgs),
    /// HTTP and WebSocket door: authentication, policy, sessions.
    Gateway(gateway::GatewayArgs),
    /// Classifies, budgets and answers messages with a small language model.
    ConversationWorker(worker::WorkerArgs),
    /// Runs tools in limited subprocesses.
    ToolExecutor(executor::ExecutorArgs),
    /// Seeded mix of users, some of whom do it wrong.
    Traffic(traffic::TrafficArgs),
    /// One tool under its limits: input on standard input, result on standard output.
    #[command(hide = true)]
    Tool(tools::ToolArgs),
}

pub(crate) fn run(command: SomaCommand) -> Result<(), FleetError> {
    match command.service {
        Service::Broker(arguments) => broker::run(arguments),
        Service::Gateway(arguments) => gateway::run(arguments),
        Service::ConversationWorker(arguments) => worker::run(arguments),
        Service::ToolExecutor(arguments) => executor::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
        Service::Tool(arguments) => tools::run(&arguments),
    }
}
