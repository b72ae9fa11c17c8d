//! The pricing-pack job: builds the packs of the last two dates from the price file, marks them fresh and serves them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{Context, ProcessArgs, serve_http};

use self::job::Job;
use self::metrics::PackMetrics;
use self::provider::Provider;
use self::store::Store;
use crate::PACKS;

mod api;
mod build;
mod job;
mod metrics;
mod price_table;
mod progress;
mod provider;
mod store;

/// Fault: prices come slowly.
pub(crate) const PROVIDER_SLOW: &str = "dawsos-provider-slow";
/// Fault: the price file is cut off.
pub(crate) const FILE_TRUNCATED: &str = "dawsos-price-file-truncated";
/// Fault: builds are no longer started.
pub(crate) const JOB_STUCK: &str = "dawsos-pack-job-stuck";

/// Settings of the job.
#[derive(Debug, Args)]
pub(crate) struct PacksArgs {
    /// Where packs and metrics are served.
    #[arg(long, default_value = "127.0.0.1:8032", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Pause between two builds, in seconds.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Age from which a pack is stale, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    stale_after: u64,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: PacksArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    crate::run_service(PACKS, &process, |context| serve(arguments, context))
}

async fn serve(arguments: PacksArgs, context: Context) -> Result<(), FleetError> {
    let (observability, stop) = (&context.observability, &context.stop);
    let metrics = PackMetrics::register(observability.registry(), Duration::from_secs(arguments.stale_after))?;
    let store = Arc::new(Store::new(metrics.freshness.clone()));
    let job = Job {
        provider: Provider::new(context.faults.get(PROVIDER_SLOW), context.faults.get(FILE_TRUNCATED)),
        store: Arc::clone(&store),
        metrics,
        stuck: context.faults.get(JOB_STUCK),
        every: Duration::from_secs(arguments.every),
    };
    let router = crate::router(&context, api::router(store))?;
    let work = async {
        job.run(stop.clone()).await;
        Ok(())
    };
    tokio::try_join!(serve_http(arguments.listen, router, stop.clone()), work).map(|_| ())
}
