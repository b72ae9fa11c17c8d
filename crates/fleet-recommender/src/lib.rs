//! The embedding recommender: `backend-api` asks `ml-engine`, and what users do comes back through `data-pipeline`.
//!
//! ```text
//! traffic ─HTTP─▶ backend-api ─HTTP─▶ ml-engine ◀─HTTP─ data-pipeline
//!                  │  │  └ Redis                              ▲
//!                  │  └ PostgreSQL (ledger)                   │
//!                  └──────────recommender.interactions────────┘
//! ```

use clap::{Args, Subcommand};
use skopos_fleet_frame::{FaultSpec, FleetError, ServiceSpec, SystemSpec};
use skopos_sdk::http_server::{HttpMetricSet, HttpOptions, TenantLabel};

mod backend_api;
mod catalog;
mod data_pipeline;
mod events;
mod limits;
mod ml_engine;
mod ranking;
mod tastes;
mod traffic;

/// Name of the system on the command line.
pub const NAME: &str = "recommender";
const BACKEND_API: &str = "backend-api";
const ML_ENGINE: &str = "ml-engine";
const DATA_PIPELINE: &str = "data-pipeline";
const TRAFFIC: &str = "traffic";

/// The system, its services in the order in which they are started.
pub const SYSTEM: SystemSpec = SystemSpec {
    name: NAME,
    about: "recommendations for many shops: backend, ML engine, data pipeline",
    services: &[
        ServiceSpec::service(NAME, DATA_PIPELINE, 8002, "checks and loads interactions from the bus").on_bus(),
        ServiceSpec::service(
            NAME,
            ML_ENGINE,
            8001,
            "trains a model for each tenant, measures it, and answers from it",
        ),
        ServiceSpec::service(
            NAME,
            BACKEND_API,
            8000,
            "the door for tenants: rates, cache, recommendations, billing",
        )
        .on_bus(),
        ServiceSpec::traffic(NAME, TRAFFIC, "seeded visits to the shops").on_bus(),
    ],
    needs: &["broker", "redis", "postgres", "node-exporter", "cadvisor"],
    faults: FAULTS,
};

/// What can be made to go wrong.
const FAULTS: &[FaultSpec] = &[
    FaultSpec::stop(
        "recommender-api-down",
        BACKEND_API,
        "the backend is killed",
        &["ServiceDown"],
    ),
    FaultSpec::stop("recommender-redis-down", "redis", "Redis is killed", &["RedisDown"]),
    FaultSpec::stop(
        "recommender-postgres-down",
        "postgres",
        "PostgreSQL is killed",
        &["DatabaseDown"],
    ),
    FaultSpec::stop(
        "recommender-exporter-down",
        "node-exporter",
        "the machine's metrics are not served",
        &["PrometheusTargetDown"],
    ),
    FaultSpec::switch(
        backend_api::LEDGER_READ_ONLY,
        BACKEND_API,
        "the ledger's database takes no writes: what cannot be billed is answered with 503",
        &["HighErrorRate"],
    ),
    FaultSpec::switch(
        backend_api::CACHE_SLOW,
        BACKEND_API,
        "each look-up in the cache takes 1.3 to 2.1 s",
        &["HighLatencyP95"],
    ),
    FaultSpec::switch(
        backend_api::CACHE_COLD,
        BACKEND_API,
        "the cache forgets each list before it is asked for",
        &["CacheHitRateLow"],
    ),
    FaultSpec::switch(
        ml_engine::TRAINING_FAILS,
        ML_ENGINE,
        "an act of the training data has no finite weight: each job fails and is tried again",
        &["ModelTrainingFailed", "MLEngineHighErrorRate"],
    ),
    FaultSpec::switch(
        ml_engine::EMBEDDINGS_STUCK,
        ML_ENGINE,
        "no embedding is generated: old ones are served from the cache",
        &["EmbeddingCacheStale"],
    ),
    FaultSpec::switch(
        ml_engine::MEMORY_LEAK,
        ML_ENGINE,
        "buffers are kept until the process has 93 % of its memory limit",
        &["HighMemoryUsage"],
    ),
    FaultSpec::switch(
        ml_engine::CPU_HOG,
        ML_ENGINE,
        "a search for better settings trains without an end",
        &["HighCPUUsage"],
    ),
    FaultSpec::switch(
        data_pipeline::DISK_FULL,
        DATA_PIPELINE,
        "a forgotten dump fills 92 % of the landing zone's quota",
        &["DiskSpaceLow"],
    ),
    FaultSpec::switch(
        data_pipeline::VOLUME_MISSING,
        DATA_PIPELINE,
        "the volume of the landing zone is gone: batches cannot be loaded",
        &["ETLJobFailure"],
    ),
    FaultSpec::switch(
        data_pipeline::CONSUMER_STUCK,
        DATA_PIPELINE,
        "the consumer stands still while the shops send 13 000 interactions again",
        &["DataPipelineProcessingLag"],
    ),
    FaultSpec::switch(
        traffic::FLOOD,
        TRAFFIC,
        "a client of pixel-games asks 40 times a second; its plan allows 10",
        &["HighRateLimitExceeded"],
    ),
];

/// A service of the recommender.
#[derive(Debug, Args)]
pub struct RecommenderCommand {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// The door for tenants: rates, cache, recommendations, billing.
    BackendApi(backend_api::BackendArgs),
    /// Trains a model for each tenant, measures it, and answers from it.
    MlEngine(ml_engine::MlArgs),
    /// Checks and loads interactions from the bus.
    DataPipeline(data_pipeline::PipelineArgs),
    /// Seeded visits to the shops.
    Traffic(traffic::TrafficArgs),
}

/// Runs the service to its end. Blocks.
pub fn run(command: RecommenderCommand) -> Result<(), FleetError> {
    match command.service {
        Service::BackendApi(arguments) => backend_api::run(arguments),
        Service::MlEngine(arguments) => ml_engine::run(arguments),
        Service::DataPipeline(arguments) => data_pipeline::run(arguments),
        Service::Traffic(arguments) => traffic::run(arguments),
    }
}

/// What the services measure of their requests: the tenant, and beside rates and durations the sizes of bodies.
fn http_options() -> HttpOptions {
    HttpOptions {
        metric_sets: vec![HttpMetricSet::RequestsTotal, HttpMetricSet::ServerDurationMilliseconds],
        tenant: Some(TenantLabel::tenant_id()),
        ..HttpOptions::default()
    }
}
