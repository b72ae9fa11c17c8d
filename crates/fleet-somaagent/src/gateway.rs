//! gateway-api: the door. Asks identity-service who calls and policy-engine whether they may, then the service that does it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde_json::{Value, json};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};

use self::metrics::GatewayMetrics;
use crate::events::Reporter;
use crate::peer::{self, Peer};
use crate::{ANALYTICS, FAULTS, GATEWAY, IDENTITY, ORCHESTRATOR, POLICY, SLM, events};

mod caller;
mod capsules;
mod marketplace;
mod metrics;
mod projects;

pub(crate) use self::capsules::Execution;
pub(crate) use self::marketplace::Wish;
pub(crate) use self::projects::ProjectText;

/// Bytes of a request body; larger ones are refused before they are read.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Settings of the gateway.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8021", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where orchestrator is.
    #[arg(long, default_value = "http://127.0.0.1:8020", value_name = "URL")]
    orchestrator: String,
    /// Where policy-engine is.
    #[arg(long, default_value = "http://127.0.0.1:8022", value_name = "URL")]
    policy: String,
    /// Where identity-service is.
    #[arg(long, default_value = "http://127.0.0.1:8023", value_name = "URL")]
    identity: String,
    /// Where slm-service is.
    #[arg(long, default_value = "http://127.0.0.1:8024", value_name = "URL")]
    slm: String,
    /// Where analytics-service is.
    #[arg(long, default_value = "http://127.0.0.1:8025", value_name = "URL")]
    analytics: String,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What every request needs.
struct Gateway {
    orchestrator: Peer,
    policy: Peer,
    identity: Peer,
    slm: Peer,
    analytics: Peer,
    reporter: Reporter,
    metrics: GatewayMetrics,
}

pub(crate) fn run(arguments: GatewayArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(GATEWAY, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: GatewayArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let client = peer::client()?;
    let peer = |name, base: &str| Peer::new(name, base, client.clone());
    let analytics = peer(ANALYTICS, &arguments.analytics);
    let (reporter, courier) = events::queue(analytics.clone(), registry)?;
    let gateway = Arc::new(Gateway {
        orchestrator: peer(ORCHESTRATOR, &arguments.orchestrator),
        policy: peer(POLICY, &arguments.policy),
        identity: peer(IDENTITY, &arguments.identity),
        slm: peer(SLM, &arguments.slm),
        analytics,
        reporter,
        metrics: GatewayMetrics::register(registry)?,
    });
    let readiness = Router::new()
        .route("/ready", get(ready))
        .with_state(Arc::clone(&gateway));
    let router = router(gateway)
        .layer(crate::http_layer(&context)?)
        .merge(readiness)
        .merge(context.own_routes());
    let reports = async {
        courier.run(context.stop.clone()).await;
        Ok(())
    };
    tokio::try_join!(serve_http(arguments.listen, router, context.stop.clone()), reports).map(|_| ())
}

fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/login", post(caller::login))
        .route("/v1/projects", post(projects::create))
        .route("/v1/projects/{id}", get(projects::read))
        .route("/v1/marketplace/search", get(marketplace::search))
        .route("/v1/marketplace/purchases", post(marketplace::buy))
        .route("/v1/reports/{name}", get(marketplace::report))
        .route("/v1/capsules/{id}/executions", post(capsules::execute))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(gateway)
}

/// Whether every service behind the gateway answers.
async fn ready(State(gateway): State<Arc<Gateway>>) -> Result<Json<Value>, (StatusCode, String)> {
    let peers = [
        &gateway.orchestrator,
        &gateway.policy,
        &gateway.identity,
        &gateway.slm,
        &gateway.analytics,
    ];
    for peer in peers {
        peer.get::<Value>("/health", &[])
            .await
            .map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    }
    Ok(Json(json!({ "status": "ready" })))
}
