//! SomaAgent01's conversation path: `gateway` ▶ `conversation-worker` ▶ `tool-executor` over the event bus.
//!
//! ```text
//! traffic ─HTTP, WebSocket─▶ gateway ─conversation.inbound─▶ conversation-worker ─tool.requests─▶ tool-executor
//!                               ▲                                   │      ▲                            │
//!                               └───────conversation.outbound───────┘      └────────tool.results────────┘
//! ```

use clap::{Args, Subcommand};
use skopos_fleet_frame::{FaultKind, FaultSpec, FleetError, ServiceSpec, SystemSpec};

mod executor;
mod gateway;
mod policy;
mod tools;
mod topics;
mod traffic;
mod worker;

/// Name of the system on the command line.
pub const NAME: &str = "somaagent01";
const GATEWAY: &str = "gateway";
const WORKER: &str = "conversation-worker";
const EXECUTOR: &str = "tool-executor";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "conversations with an agent: gateway, worker, tools over an event bus",
    services: &[
        ServiceSpec::service(NAME, EXECUTOR, 8012, "runs tools in limited subprocesses").on_bus(),
        ServiceSpec::service(
            NAME,
            WORKER,
            8011,
            "classifies, budgets and answers messages with a small language model",
        )
        .on_bus(),
        ServiceSpec::service(
            NAME,
            GATEWAY,
            8010,
            "HTTP and WebSocket door: authentication, policy, sessions",
        )
        .on_bus(),
        ServiceSpec::traffic(NAME, TRAFFIC, "seeded mix of users, some of whom do it wrong").on_bus(),
    ],
    needs: &["broker"],
    faults: FAULTS,
};

/// What can be made to go wrong.
const FAULTS: &[FaultSpec] = &[FaultSpec {
    name: worker::SLM_SLOW,
    service: WORKER,
    kind: FaultKind::Switch,
    about: "the language model takes 6 to 8 s a call",
    alerts: &["SlowConversationProcessing"],
}];

/// A service of SomaAgent01.
#[derive(Debug, Args)]
pub struct SomaCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
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

/// Runs the service to its end. Blocks.
pub fn run(command: SomaCommand) -> Result<(), FleetError> {
    match command.service {
        Service::Gateway(arguments) => gateway::run(arguments),
        Service::ConversationWorker(arguments) => worker::run(arguments),
        Service::ToolExecutor(arguments) => executor::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
        Service::Tool(arguments) => tools::run(&arguments),
    }
}
