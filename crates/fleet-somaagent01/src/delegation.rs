//! The delegation gateway: splits a question into tasks for sub-agents, hands them out over the bus, joins what comes
//! back, and keeps a record of it.
//!
//! ```text
//! POST /v1/delegate ─▶ planner ─delegation.tasks─▶ sub-agents ─▶ findings ─▶ answer
//!                         └ budget of the session (Redis)          └ record (PostgreSQL)
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use serde::{Deserialize, Serialize};
use skopos_bus::{BusMetrics, Consumer, ConsumerOptions, Producer};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, serve_http};

use self::agents::Agents;
use self::metrics::DelegationMetrics;
use self::planner::Planner;
use crate::stores::{Cache, History, StoreArgs, StoreMetrics};
use crate::{DELEGATION, FAULTS, topics};

mod agents;
mod metrics;
mod planner;

/// Name of the fault that makes sub-agents hang while the planner splits ever finer.
pub(super) const SUBAGENTS_STUCK: &str = "somaagent01-subagents-stuck";
/// Tasks that sub-agents work on at one time.
const CONCURRENCY: usize = 8;

/// Tables of this service.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS delegations (
        id bigserial PRIMARY KEY,
        session_id text NOT NULL,
        tenant text NOT NULL,
        tasks integer NOT NULL,
        findings integer NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now()
    )";

/// Settings of the delegation gateway.
#[derive(Debug, Args)]
pub(crate) struct DelegationArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8015", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// A question to hand on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delegate {
    pub(crate) session_id: String,
    pub(crate) tenant: String,
    pub(crate) text: String,
}

/// What the sub-agents found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Findings {
    pub(crate) tasks: usize,
    pub(crate) findings: Vec<String>,
}

pub(super) fn run(arguments: DelegationArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(DELEGATION, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: DelegationArgs, context: Context) -> Result<(), FleetError> {
    let bus = arguments.bus.config(DELEGATION)?;
    let registry = context.observability.registry();
    let bus_metrics = BusMetrics::register(registry)?;
    let metrics = DelegationMetrics::register(registry)?;
    let store_metrics = StoreMetrics::register(registry, &["redis", "postgres"])?;
    let producer = Producer::new(&bus, bus_metrics.clone())?;
    let stuck = context.faults.get(SUBAGENTS_STUCK);
    let agents = Arc::new(Agents::new(metrics.clone(), stuck.clone(), context.stop.clone()));
    let planner = Arc::new(Planner {
        agents: Arc::clone(&agents),
        producer: producer.clone(),
        cache: Cache::new(&arguments.stores.redis, store_metrics.clone())?,
        history: History::new(&arguments.stores.postgres, SCHEMA, store_metrics)?,
        splits_fine: stuck,
        metrics,
    });
    let router = Router::new()
        .route("/v1/delegate", post(delegate))
        .with_state(planner)
        .layer(context.observability.http_layer()?)
        .merge(context.own_routes());
    let http = serve_http(arguments.listen, router, context.stop.clone());
    let work = async {
        topics::ensure(&bus).await?;
        let options = ConsumerOptions {
            concurrency: CONCURRENCY,
            ..topics::reading(DELEGATION, &[topics::DELEGATION_TASKS])
        };
        let consumer = Consumer::subscribe(&bus, options, producer, bus_metrics)?;
        consumer
            .run(context.stop.clone(), |delivery| {
                let agents = Arc::clone(&agents);
                async move { agents.work(delivery).await }
            })
            .await;
        Ok(())
    };
    tokio::try_join!(http, work).map(|_| ())
}

async fn delegate(State(planner): State<Arc<Planner>>, Json(request): Json<Delegate>) -> Json<Findings> {
    Json(planner.delegate(&request).await)
}
