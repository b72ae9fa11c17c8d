//! The backend: the door for tenants. Knows who they are, keeps their rates, answers from cache and model, and bills.
//!
//! ```text
//! request ─▶ tenant, rate ─▶ cache (Redis) ─▶ ml-engine, else data-pipeline ─▶ ledger (PostgreSQL) ─▶ answer
//!              interactions ─▶ recommender.interactions
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use clap::Args;
use http::StatusCode;
use skopos_bus::{BusMetrics, Producer};
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, health_router, serve_http_counted};
use skopos_fleet_frame::{FleetError, OpenConnections};
use skopos_sdk::cache::CacheTracer;
use skopos_sdk::context::RequestContextLayer;
use skopos_sdk::timing::Timings;

use self::accounts::Accounts;
use self::cache::Cache;
use self::ledger::Ledger;
use self::metrics::BackendMetrics;
use self::upstream::Upstream;
use crate::limits::LimitArgs;
use crate::{BACKEND_API, FAULTS, events, ml_engine};

mod accounts;
mod admit;
mod api;
mod cache;
mod error;
mod ledger;
mod ledger_store;
mod metrics;
mod upstream;
mod warm;

/// Fault: the ledger's database takes no writes.
pub(crate) const LEDGER_READ_ONLY: &str = "recommender-ledger-read-only";
/// Fault: look-ups in the cache take more than a second.
pub(crate) const CACHE_SLOW: &str = "recommender-cache-slow";
/// Fault: the cache forgets what it is given.
pub(crate) const CACHE_COLD: &str = "recommender-cache-cold";

/// Settings of the backend.
#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the ML engine is.
    #[arg(
        long,
        env = "RECOMMENDER_ML_ENGINE_URL",
        default_value = "http://127.0.0.1:8001",
        value_name = "URL"
    )]
    ml_engine: String,
    /// Where the data pipeline is.
    #[arg(
        long,
        env = "RECOMMENDER_PIPELINE_URL",
        default_value = "http://127.0.0.1:8002",
        value_name = "URL"
    )]
    pipeline: String,
    /// Redis that caches recommendations; empty caches them in the process.
    #[arg(
        long,
        env = "RECOMMENDER_REDIS_URL",
        default_value = "redis://127.0.0.1:6379",
        value_name = "URL"
    )]
    redis: String,
    /// PostgreSQL that holds the ledger; empty keeps it in a file alone.
    #[arg(
        long,
        env = "RECOMMENDER_DATABASE_URL",
        default_value = "postgres://skopos@127.0.0.1:5432/skopos",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: String,
    /// File of the ledger while PostgreSQL is away; without it, one that goes with the process.
    #[arg(long, value_name = "FILE")]
    ledger_file: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What every request needs.
pub(crate) struct Backend {
    accounts: Arc<Accounts>,
    cache: Cache,
    ledger: Ledger,
    upstream: Upstream,
    producer: Producer,
    metrics: BackendMetrics,
    timings: Timings,
    is_ready: AtomicBool,
}

pub(super) fn run(arguments: BackendArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(BACKEND_API, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: BackendArgs, context: Context) -> Result<(), FleetError> {
    let (observability, stop) = (&context.observability, &context.stop);
    let bus = arguments.bus.config(BACKEND_API)?;
    let folder = tempfile::TempDir::with_prefix("recommender-ledger-").map_err(|source| FleetError::Io {
        action: "make a folder for the ledger",
        source,
    })?;
    let (backend, router) = prepare(&arguments, &context, &folder).await?;
    let router = router
        .layer(RequestContextLayer)
        .layer(observability.http_layer_with(&crate::http_options())?)
        .merge(observability.metrics_router())
        .merge(ready_router(Arc::clone(&backend)))
        .merge(health_router());
    let topics = async { events::ensure(&bus).await };
    let work = async {
        tokio::join!(
            backend.cache.keep_connected(stop.clone()),
            backend.ledger.keep_connected(&backend.accounts, stop.clone()),
            warm::run(&backend, stop.clone()),
        );
        Ok(())
    };
    let connections = OpenConnections::register(observability.registry())?;
    let server = serve_http_counted(arguments.listen, router, stop.clone(), connections);
    tokio::try_join!(server, topics, work).map(|_| ())
}

async fn prepare(
    arguments: &BackendArgs,
    context: &Context,
    folder: &tempfile::TempDir,
) -> Result<(Arc<Backend>, Router), FleetError> {
    let registry = context.observability.registry();
    arguments.limits.register(registry)?;
    let metrics = BackendMetrics::register(registry)?;
    let accounts = Arc::new(Accounts::new(metrics.clone()));
    let fault = |name| context.faults.get(name);
    let file = arguments.ledger_file.clone();
    let file = file.unwrap_or_else(|| folder.path().join("ledger.db"));
    let ledger = Ledger::open(&arguments.database, &file, metrics.clone(), fault(LEDGER_READ_ONLY))
        .await
        .map_err(|source| needed(format!("open the ledger in {}", file.display()), source))?;
    let tracer = CacheTracer::register(registry)?;
    let cache = Cache::new(
        &arguments.redis,
        tracer,
        metrics.clone(),
        fault(CACHE_SLOW),
        fault(CACHE_COLD),
    )
    .map_err(|source| needed("read the address of Redis, as redis://HOST:PORT".to_owned(), source))?;
    let bus = arguments.bus.config(BACKEND_API)?;
    let backend = Arc::new(Backend {
        accounts,
        cache,
        ledger,
        upstream: Upstream {
            client: ml_engine::http_client()?,
            ml_engine: arguments.ml_engine.clone(),
            pipeline: arguments.pipeline.clone(),
            metrics: metrics.clone(),
        },
        producer: Producer::new(&bus, BusMetrics::register(registry)?)?,
        metrics,
        timings: Timings::register(registry, "operation_duration_seconds")?,
        is_ready: AtomicBool::new(false),
    });
    let router = api::router(&backend);
    Ok((backend, router))
}

fn needed(action: String, source: impl std::error::Error + Send + Sync + 'static) -> FleetError {
    FleetError::Needed {
        action,
        source: Box::new(source),
    }
}

/// `/ready`: whether the cache has been warmed.
fn ready_router(backend: Arc<Backend>) -> Router {
    let ready = move || {
        let is_ready = backend.is_ready.load(Ordering::Relaxed);
        let status = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        async move { (status, axum::Json(serde_json::json!({ "ready": is_ready }))) }
    };
    Router::new().route("/ready", get(ready))
}
