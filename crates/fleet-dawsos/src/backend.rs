//! The executor API: runs a pattern, step by step, each step a call of an agent through its circuit breaker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{Context, ProcessArgs, serve_http};
use skopos_sdk::breaker::CircuitBreakers;

use self::agents::Agents;
use self::executor::Executor;
use self::metrics::BackendMetrics;
use self::pack_source::PackSource;
use self::pattern::Patterns;
use crate::BACKEND;
use crate::addresses::{AgentsUrl, PacksUrl};

mod agents;
mod api;
mod executor;
mod failure;
mod metrics;
mod notices;
mod pack_source;
mod pattern;

/// Longest time of one call of an agent.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Prefix of the breakers' metrics.
const PREFIX: &str = "dawsos_";

/// Settings of the executor API.
#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8030", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    agents: AgentsUrl,
    #[command(flatten)]
    packs: PacksUrl,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: BackendArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    crate::run_service(BACKEND, &process, |context| serve(arguments, context))
}

async fn serve(arguments: BackendArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let patterns = Patterns::shipped()?;
    let metrics = BackendMetrics::register(registry, &patterns)?;
    let client = crate::http_client(TIMEOUT)?;
    let breakers = CircuitBreakers::new(registry, PREFIX)?;
    let executor = Arc::new(Executor {
        agents: Agents::new(
            client.clone(),
            &arguments.agents.url,
            &breakers,
            &patterns,
            metrics.clone(),
        )?,
        packs: PackSource::new(client, &arguments.packs.url),
        patterns,
        metrics,
    });
    let router = crate::router(&context, api::router(executor).merge(notices::router()))?;
    serve_http(arguments.listen, router, context.stop).await
}
