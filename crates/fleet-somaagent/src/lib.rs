//! SomaAgent: projects become task graphs, agents carry them out under policy, a marketplace sells capsules.
//!
//! ```text
//! traffic ─HTTP─▶ gateway-api ─▶ identity-service (who?)   policy-engine (may they?)
//!                     ├─▶ orchestrator ─▶ policy-engine, slm-service (agents and their gates)
//!                     ├─▶ slm-service (capsules)
//!                     └─▶ analytics-service (marketplace, purchases, reports) ◀─events─ orchestrator, gateway-api
//! ```

use clap::{Args, Subcommand};
use skopos_fleet_frame::{Context, FaultSpec, FleetError, ServiceSpec, SystemSpec};
use skopos_sdk::http_server::HttpMetricSet;
use skopos_sdk::{HttpLayer, HttpOptions};

mod analytics;
mod events;
mod gateway;
mod identity;
mod orchestrator;
mod peer;
mod policy;
mod refusal;
mod slm;
mod text;
mod traffic;

/// Name of the system on the command line.
pub const NAME: &str = "somaagent";
const ORCHESTRATOR: &str = "orchestrator";
const GATEWAY: &str = "gateway-api";
const POLICY: &str = "policy-engine";
const IDENTITY: &str = "identity-service";
const SLM: &str = "slm-service";
const ANALYTICS: &str = "analytics-service";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "projects carried out by agents under policy, and a marketplace of capsules",
    services: &[
        ServiceSpec::service(NAME, POLICY, 8022, "decides what is allowed, by policies in Rego"),
        ServiceSpec::service(NAME, IDENTITY, 8023, "users, signed tokens and their verification"),
        ServiceSpec::service(NAME, SLM, 8024, "small language model: extracts and embeddings"),
        ServiceSpec::service(
            NAME,
            ANALYTICS,
            8025,
            "recorded events and purchases, reports, search of the marketplace",
        ),
        ServiceSpec::service(
            NAME,
            ORCHESTRATOR,
            8020,
            "decomposes projects into task graphs and runs them with agents and quality gates",
        ),
        ServiceSpec::service(
            NAME,
            GATEWAY,
            8021,
            "door: authentication, policy, projects, capsules, marketplace",
        ),
        ServiceSpec::traffic(NAME, TRAFFIC, "seeded mix of builders, buyers and analysts"),
    ],
    needs: &[],
    faults: FAULTS,
};

/// What can be made to go wrong.
const FAULTS: &[FaultSpec] = &[
    FaultSpec::switch(
        slm::STALE_INDEX,
        SLM,
        "the model's index is out of step with its texts: answers miss their tasks and gates refuse them",
        &["WorkflowSuccessRateLow"],
    ),
    FaultSpec::switch(
        policy::CONFLICT,
        POLICY,
        "a policy release holds two limits for buyers of small tenants: their rare purchases end in 5xx",
        &["AvailabilityBelowObjective"],
    ),
    FaultSpec::switch(
        analytics::DISK_QUOTA,
        ANALYTICS,
        "the database may not grow: events and purchases cannot be recorded and end in 5xx",
        &["ErrorBudgetBurnTooFast", "AvailabilityBelowObjective"],
    ),
    FaultSpec::switch(
        identity::SLOW,
        IDENTITY,
        "each verification of a token takes 600 to 900 ms, and every request needs one",
        &["HighLatencyP95"],
    ),
    FaultSpec::switch(
        analytics::COLD_SEARCH,
        ANALYTICS,
        "the search index is cold: a search takes 0.7 to 1.4 s",
        &["MarketplaceSearchSlow", "HighLatencyP95"],
    ),
    FaultSpec::stop(
        "soma-slm-down",
        SLM,
        "slm-service is killed: agents have no model, workflows fail",
        &["ServiceDown", "WorkflowSuccessRateLow"],
    ),
];

/// A service of SomaAgent.
#[derive(Debug, Args)]
pub struct SomaAgentCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Decomposes projects into task graphs and runs them with agents and quality gates.
    Orchestrator(orchestrator::OrchestratorArgs),
    /// Door: authentication, policy, projects, capsules, marketplace.
    GatewayApi(gateway::GatewayArgs),
    /// Decides what is allowed, by policies in Rego.
    PolicyEngine(policy::PolicyArgs),
    /// Users, signed tokens and their verification.
    #[command(name = IDENTITY)]
    Identity(identity::IdentityArgs),
    /// Small language model: extracts and embeddings.
    #[command(name = SLM)]
    Slm(slm::SlmArgs),
    /// Recorded events and purchases, reports, search of the marketplace.
    #[command(name = ANALYTICS)]
    Analytics(analytics::AnalyticsArgs),
    /// Seeded mix of builders, buyers and analysts.
    Traffic(traffic::TrafficArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: SomaAgentCommand) -> Result<(), FleetError> {
    match command.service {
        Service::Orchestrator(arguments) => orchestrator::run(arguments),
        Service::GatewayApi(arguments) => gateway::run(arguments),
        Service::PolicyEngine(arguments) => policy::run(arguments),
        Service::Identity(arguments) => identity::run(arguments),
        Service::Slm(arguments) => slm::run(arguments),
        Service::Analytics(arguments) => analytics::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
    }
}

/// The layer that every service of the system observes its requests with.
fn http_layer(context: &Context) -> Result<HttpLayer, FleetError> {
    let options = HttpOptions {
        metric_sets: vec![HttpMetricSet::ServerDurationMilliseconds],
        ..HttpOptions::default()
    };
    Ok(context.observability.http_layer_with(&options)?)
}
