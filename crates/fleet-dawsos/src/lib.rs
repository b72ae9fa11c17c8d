//! DawsOS: an executor runs patterns, whose steps ask agents through circuit breakers, over pricing packs that a job builds.
//!
//! ```text
//! traffic ─HTTP─▶ dawsos-backend ─breaker─▶ dawsos-agents (ledger, pricing, macro, reports)
//!                       │  ▲                     │ pack
//!                       │  └notices─ dawsos-jobs ┤
//!                       └──── which pack ──▶ dawsos-packs ◀── price file
//! ```

use std::future::Future;

use axum::Router;
use clap::{Args, Subcommand};
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_fleet_frame::{FaultSpec, FleetError, ServiceSpec, SystemSpec};
use skopos_sdk::context::{RequestContext, RequestContextLayer};

mod addresses;
mod agents;
mod backend;
mod invocation;
mod jobs;
mod notice;
mod pack;
mod packs;
mod refusal;
mod traffic;

/// Name of the system on the command line.
pub const NAME: &str = "dawsos";
const BACKEND: &str = "dawsos-backend";
const AGENTS: &str = "dawsos-agents";
const PACKS: &str = "dawsos-packs";
const JOBS: &str = "dawsos-jobs";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "portfolio analysis: patterns of agent calls over pricing packs",
    services: &[
        ServiceSpec::service(
            NAME,
            PACKS,
            8032,
            "builds pricing packs from the price file and keeps them fresh",
        ),
        ServiceSpec::service(NAME, AGENTS, 8031, "the agents: ledger, pricing, macro, reports"),
        ServiceSpec::service(NAME, BACKEND, 8030, "the executor API: runs patterns, step by step"),
        ServiceSpec::service(
            NAME,
            JOBS,
            8033,
            "jobs: reconciles the ledger, computes the economy, delivers alerts on prices",
        ),
        ServiceSpec::traffic(NAME, TRAFFIC, "seeded analysts who run patterns"),
    ],
    needs: &[],
    faults: FAULTS,
};

/// What can be made to go wrong.
const FAULTS: &[FaultSpec] = &[
    FaultSpec::switch(
        agents::REPORTS_SLOW,
        AGENTS,
        "the typesetter of the reports takes 0.7 s for each",
        &["HighAPILatencyP99", "HighAPILatencyP95"],
    ),
    FaultSpec::switch(
        agents::SCENARIO_MISSING,
        AGENTS,
        "the table of shocks is gone: each stress test fails, one request in forty",
        &["HighErrorRate"],
    ),
    FaultSpec::switch(
        agents::PRICING_FLAKY,
        AGENTS,
        "the pricing agent loses each second call",
        &["CircuitBreakerFailureSpike", "CriticalErrorRate"],
    ),
    FaultSpec::switch(
        packs::PROVIDER_SLOW,
        PACKS,
        "the provider delivers a row of prices every 6 s: a pack takes 12 minutes and more",
        &["PackBuildSlow"],
    ),
    FaultSpec::switch(
        packs::FILE_TRUNCATED,
        PACKS,
        "the price file ends in the middle of its last row: packs cannot be built",
        &["PackInErrorState"],
    ),
    FaultSpec::switch(
        packs::JOB_STUCK,
        PACKS,
        "the job no longer starts builds: packs go stale after a minute",
        &["PackNotFresh"],
    ),
    FaultSpec::switch(
        traffic::QUIET,
        TRAFFIC,
        "the analysts are at lunch: one request a minute",
        &["LowRequestVolume"],
    ),
    FaultSpec::stop(
        "dawsos-agents-down",
        AGENTS,
        "the agents are killed: every breaker opens",
        &["CircuitBreakerOpen", "CriticalErrorRate"],
    ),
    FaultSpec::stop(
        "dawsos-backend-down",
        BACKEND,
        "the executor API is killed",
        &["BackendDown"],
    ),
];

/// A service of DawsOS.
#[derive(Debug, Args)]
pub struct DawsosCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// The executor API: runs patterns, step by step.
    DawsosBackend(backend::BackendArgs),
    /// The agents: ledger, pricing, macro, reports.
    DawsosAgents(agents::AgentsArgs),
    /// Builds pricing packs from the price file and keeps them fresh.
    DawsosPacks(packs::PacksArgs),
    /// Jobs: reconciles the ledger, computes the economy, delivers alerts on prices.
    DawsosJobs(jobs::JobsArgs),
    /// Seeded analysts who run patterns.
    Traffic(traffic::TrafficArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: DawsosCommand) -> Result<(), FleetError> {
    match command.service {
        Service::DawsosBackend(arguments) => backend::run(arguments),
        Service::DawsosAgents(arguments) => agents::run(arguments),
        Service::DawsosPacks(arguments) => packs::run(arguments),
        Service::DawsosJobs(arguments) => jobs::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
    }
}

/// What the services hold to unless their environment says otherwise: nothing personal leaves a process, neither in log
/// lines nor in spans, and requests that fail are exported however few are sampled.
const SETTINGS: &[(&str, &str)] = &[("PII_FILTER", "strict"), ("ERRORS_ALWAYS", "true")];

/// Variables that name a back end of spans.
const BACK_ENDS: [&str; 7] = [
    "APM_BACKEND",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTLP_ENDPOINT",
    "APM_OTLP_ENDPOINT",
    "JAEGER_ENDPOINT",
    "DATADOG_ENDPOINT",
];

/// [`SETTINGS`]; and where no back end is named, spans go nowhere, not to a collector on this machine as the OpenTelemetry
/// specification would have it.
fn settings(is_set: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    let mut settings = SETTINGS.to_vec();
    if !BACK_ENDS.iter().any(|name| is_set(name)) {
        settings.push(("OTEL_TRACES_EXPORTER", "none"));
    }
    settings
}

/// Runs one service with what all of them share.
fn run_service<F>(
    name: &'static str,
    process: &ProcessArgs,
    service: impl FnOnce(Context) -> F,
) -> Result<(), FleetError>
where
    F: Future<Output = Result<(), FleetError>>,
{
    let is_set = |variable: &str| std::env::var(variable).is_ok_and(|value| !value.trim().is_empty());
    process::run_with(name, process, FAULTS, &settings(is_set), service)
}

/// An API, whose requests are observed and hand their ids on, beside what the service answers of itself.
fn router(context: &Context, api: Router) -> Result<Router, FleetError> {
    let observed = api
        .layer(RequestContextLayer)
        .layer(context.observability.http_layer()?);
    Ok(observed.merge(context.own_routes()))
}

/// A client for the other services; a request may take so long at most.
fn http_client(timeout: std::time::Duration) -> Result<reqwest::Client, FleetError> {
    skopos_fleet_frame::http_client(timeout)
        .user_agent(concat!("dawsos/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(FleetError::HttpClient)
}

/// Headers that hand the request's ids on.
fn context_headers() -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    if let Some(context) = RequestContext::current() {
        context.inject(&mut headers);
    }
    headers
}

#[cfg(test)]
mod tests {
    use skopos_sdk::Settings;
    use skopos_sdk::settings::TracesBackend;

    use super::*;

    #[test]
    fn spans_go_nowhere_unless_a_back_end_is_named() {
        let read = |variable: Option<&str>| {
            let defaults = settings(|name| Some(name) == variable);
            let read = Settings::from_lookup("dawsos", "1", |name| {
                let named = (Some(name) == variable).then_some("http://localhost:4317");
                let default = defaults.iter().find(|(default, _)| *default == name);
                named.or(default.map(|(_, value)| *value)).map(str::to_owned)
            });
            read.expect("valid")
        };
        let unset = read(None);
        assert_eq!(unset.traces, TracesBackend::None);
        assert!(unset.errors_always && unset.pii_filter.is_some());
        for variable in BACK_ENDS.into_iter().filter(|name| *name != "APM_BACKEND") {
            assert_ne!(read(Some(variable)).traces, TracesBackend::None, "{variable}");
        }
    }
}
