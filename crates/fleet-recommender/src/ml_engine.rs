//! The ML engine: trains a model for each tenant, measures it on held-out interactions, and answers from it.
//!
//! ```text
//! past + data-pipeline ─▶ split ─▶ ALS ─▶ quality ─▶ deploy
//!                                                      │
//! request ─▶ embedding (cache, else placed anew) ─▶ vector index ─▶ ranking
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reqwest::Client;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_sdk::context::RequestContextLayer;

use self::engine::Engine;
use self::metrics::MlMetrics;
use self::schedule::Scheduler;
use crate::limits::LimitArgs;
use crate::{FAULTS, ML_ENGINE};

mod als;
mod api;
mod embeddings;
mod engine;
mod excess;
mod index;
mod linear;
mod metrics;
mod model;
mod quality;
mod schedule;
mod training;

/// Fault: the export that models are trained on is broken.
pub(crate) const TRAINING_FAILS: &str = "recommender-training-fails";
/// Fault: no embedding is generated any more.
pub(crate) const EMBEDDINGS_STUCK: &str = "recommender-embeddings-stuck";
/// Fault: buffers are never given back.
pub(crate) const MEMORY_LEAK: &str = "recommender-memory-leak";
/// Fault: a search for better settings never ends.
pub(crate) const CPU_HOG: &str = "recommender-cpu-hog";

/// Settings of the ML engine.
#[derive(Debug, Args)]
pub(crate) struct MlArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8001", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the data pipeline is.
    #[arg(
        long,
        env = "RECOMMENDER_PIPELINE_URL",
        default_value = "http://127.0.0.1:8002",
        value_name = "URL"
    )]
    pipeline: String,
    /// Seconds between two models of one tenant.
    #[arg(long, default_value_t = 150, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    retrain: u32,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: MlArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(ML_ENGINE, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: MlArgs, context: Context) -> Result<(), FleetError> {
    let (observability, stop) = (&context.observability, &context.stop);
    let registry = observability.registry();
    arguments.limits.register(registry)?;
    let engine = Arc::new(Engine::new(
        MlMetrics::register(registry)?,
        context.faults.get(EMBEDDINGS_STUCK),
    ));
    let router = api::router(Arc::clone(&engine))
        .layer(RequestContextLayer)
        .layer(observability.http_layer_with(&crate::http_options())?)
        .merge(context.own_routes());
    let scheduler = Scheduler {
        engine,
        pipeline: arguments.pipeline,
        client: http_client()?,
        interval: Duration::from_secs(u64::from(arguments.retrain)),
        poisoned: context.faults.get(TRAINING_FAILS),
    };
    let (hog, limits, hog_stop) = (context.faults.get(CPU_HOG), arguments.limits, stop.clone());
    let search = tokio::task::spawn_blocking(move || {
        excess::search_settings(&hog, limits.cpu_cores(), &hog_stop);
    });
    let leak = excess::leak(context.faults.get(MEMORY_LEAK), limits.memory_bytes(), stop.clone());
    let work = async {
        tokio::join!(scheduler.run(stop.clone()), leak);
        search.await.map_err(|error| FleetError::Ended {
            part: "the search for settings",
            reason: error.to_string(),
        })
    };
    tokio::try_join!(serve_http(arguments.listen, router, stop.clone()), work).map(|_| ())
}

/// A client for the services beside this one.
pub(crate) fn http_client() -> Result<Client, FleetError> {
    skopos_fleet_frame::http_client(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(2))
        .build()
        .map_err(FleetError::HttpClient)
}
