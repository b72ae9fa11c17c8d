//! SomaAgent01's conversation path: `gateway` ▶ `conversation-worker` ▶ `tool-executor` over the event bus, and the
//! services beside it that the worker asks over HTTP.
//!
//! ```text
//! traffic ─HTTP, WebSocket─▶ gateway ─conversation.inbound─▶ conversation-worker ─tool.requests─▶ tool-executor
//!                               ▲                                   │ │    ▲                            │
//!                               └───────conversation.outbound───────┘ │    └────────tool.results────────┘
//!                                           router, canvas-service, delegation-gateway ─▶ Redis, PostgreSQL
//! ```

use clap::{Args, Subcommand};
use skopos_fleet_frame::{FleetError, ServiceSpec, SystemSpec};

use faults::FAULTS;

mod canvas;
mod delegation;
mod executor;
mod faults;
mod gateway;
mod neighbours;
mod policy;
mod router;
mod stores;
mod tools;
mod topics;
mod traffic;
mod worker;

/// Name of the system on the command line.
pub const NAME: &str = "somaagent01";
const GATEWAY: &str = "gateway";
const WORKER: &str = "conversation-worker";
const EXECUTOR: &str = "tool-executor";
const ROUTER: &str = "router";
const CANVAS: &str = "canvas-service";
const DELEGATION: &str = "delegation-gateway";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "conversations with an agent: gateway, worker, tools over an event bus",
    services: &[
        ServiceSpec::service(
            NAME,
            ROUTER,
            8013,
            "picks the model's effort and the next topic for a message",
        ),
        ServiceSpec::service(NAME, CANVAS, 8014, "keeps what a session has on its canvas"),
        ServiceSpec::service(NAME, DELEGATION, 8015, "splits questions into tasks of sub-agents").on_bus(),
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
    needs: &["broker", "redis", "postgres"],
    faults: FAULTS,
};

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
    /// Picks the model's effort and the next topic for a message.
    Router(router::RouterArgs),
    /// Keeps what a session has on its canvas.
    #[command(name = CANVAS)]
    Canvas(canvas::CanvasArgs),
    /// Splits questions into tasks of sub-agents.
    DelegationGateway(delegation::DelegationArgs),
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
        Service::Router(arguments) => router::run(arguments),
        Service::Canvas(arguments) => canvas::run(arguments),
        Service::DelegationGateway(arguments) => delegation::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
        Service::Tool(arguments) => tools::run(&arguments),
    }
}
