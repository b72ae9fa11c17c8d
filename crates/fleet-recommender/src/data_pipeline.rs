//! The data pipeline: reads interactions from the bus, checks them, loads them, and keeps what is made of them.
//!
//! ```text
//! recommender.interactions ─▶ check ─▶ batch ─▶ landing zone (files, quota) ─▶ store ─▶ ml-engine, backend-api
//!                               └▶ dead letters
//! ```
//!
//! An event is acknowledged when its batch is written; a batch that cannot be written is kept and tried again.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use clap::Args;
use skopos_bus::BusMetrics;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, serve_http};
use skopos_sdk::context::RequestContextLayer;
use tokio::sync::mpsc;

use self::jobs::Jobs;
use self::landing::Landing;
use self::metrics::PipelineMetrics;
use self::store::Store;
use crate::limits::LimitArgs;
use crate::{DATA_PIPELINE, FAULTS};

mod api;
mod consume;
mod jobs;
mod landing;
mod metrics;
mod store;

/// Fault: the consumer stands still while the shops send history again.
pub(crate) const CONSUMER_STUCK: &str = "recommender-consumer-stuck";
/// Fault: a forgotten dump fills the quota of the landing zone.
pub(crate) const DISK_FULL: &str = "recommender-disk-full";
/// Fault: the volume of the landing zone is taken away.
pub(crate) const VOLUME_MISSING: &str = "recommender-etl-fails";

/// Records between the consumer and the loader.
const QUEUE: usize = 512;

/// Settings of the data pipeline.
#[derive(Debug, Args)]
pub(crate) struct PipelineArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8002", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// MiB that the landing zone may hold.
    #[arg(long, default_value_t = 32, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    landing_quota: u32,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: PipelineArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(DATA_PIPELINE, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: PipelineArgs, context: Context) -> Result<(), FleetError> {
    let (observability, stop) = (&context.observability, &context.stop);
    let registry = observability.registry();
    arguments.limits.register(registry)?;
    let metrics = PipelineMetrics::register(registry)?;
    let bus_metrics = BusMetrics::register(registry)?;
    let bus = arguments.bus.config(DATA_PIPELINE)?;
    let store = Arc::new(Store::new());
    let quota = u64::from(arguments.landing_quota) * 1024 * 1024;
    let jobs = Jobs {
        landing: Mutex::new(Landing::new(quota).map_err(|source| FleetError::Io {
            action: "make the folder of the landing zone",
            source,
        })?),
        store: Arc::clone(&store),
        metrics: metrics.clone(),
        detached: context.faults.get(VOLUME_MISSING),
        disk_full: context.faults.get(DISK_FULL),
    };
    let router = api::router(store)
        .layer(RequestContextLayer)
        .layer(observability.http_layer_with(&crate::http_options())?)
        .merge(context.own_routes());
    let (loader, records) = mpsc::channel(QUEUE);
    let consume = consume::run(
        &bus,
        bus_metrics,
        metrics,
        loader,
        context.faults.get(CONSUMER_STUCK),
        stop.clone(),
    );
    let work = async {
        tokio::join!(jobs.load(records, stop.clone()), jobs.by_the_clock(stop.clone()));
        Ok(())
    };
    tokio::try_join!(serve_http(arguments.listen, router, stop.clone()), consume, work).map(|_| ())
}
