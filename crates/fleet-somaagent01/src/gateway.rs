//! The gateway: the door for users. Authenticates, asks the policy, keeps sessions, hands messages to the bus, and
//! delivers replies by HTTP and WebSocket.
//!
//! ```text
//! request ─▶ token ─▶ policy ─▶ sessions ─▶ conversation.inbound
//!                                  ▲
//!                 conversation.outbound ─▶ WebSocket listeners
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use clap::Args;
use rand::Rng;
use skopos_bus::dead_letters::watch_depth;
use skopos_bus::{BusMetrics, Consumer, DeadLetters, Delivery, HandleError, Producer};
use skopos_fleet_frame::{Fault, FleetError};
use skopos_sdk::log;
use tokio_util::sync::CancellationToken;

use self::metrics::GatewayMetrics;
use self::sessions::Sessions;
use self::token::Keys;
use super::neighbours::{NeighbourArgs, Neighbours};
use super::policy::Policy;
use super::topics::{self, Reply};
use super::{FAULTS, GATEWAY};
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, serve_http};

mod api;
mod caller;
mod error;
mod metrics;
mod sessions;
mod stream;
pub(super) mod token;

/// Bytes of a request body; larger ones are refused before they are read.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Secret of tokens where none is given: for demonstrations, known to everybody.
pub(super) const DEMO_SECRET: &str = "skopos-demo-secret-not-for-production";

/// Secret that tokens are signed with.
#[derive(Clone, Args)]
pub(super) struct AuthArgs {
    /// Secret that bearer tokens are signed with (HMAC-SHA256); the default is for demonstrations only.
    #[arg(long, env = "SOMA_AUTH_SECRET", default_value = DEMO_SECRET, hide_default_value = true, hide_env_values = true, value_name = "SECRET")]
    pub(super) auth_secret: String,
}

impl std::fmt::Debug for AuthArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthArgs { .. }")
    }
}

/// Name of the fault that makes each request wait.
pub(super) const SLOW: &str = "somaagent01-gateway-slow";
/// Name of the fault that leaves no room for sessions.
pub(super) const STORE_FULL: &str = "somaagent01-session-store-full";
/// What the first of them adds to a request.
const SLOW_MILLISECONDS: std::ops::Range<u64> = 3_000..4_000;
/// How often waiting dead letters are counted.
const DEPTH_INTERVAL: Duration = Duration::from_secs(5);

/// Settings of the gateway.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Where HTTP and WebSocket are served.
    #[arg(long, default_value = "127.0.0.1:8010", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Sessions that are kept; with more the one idle longest is closed.
    #[arg(long, default_value_t = 2000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_sessions: u32,
    /// Seconds after which an idle session is closed.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    session_idle: u32,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    neighbours: NeighbourArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What every request needs.
pub(super) struct Gateway {
    policy: Policy,
    keys: Keys,
    sessions: Sessions,
    metrics: GatewayMetrics,
    producer: Producer,
    neighbours: Neighbours,
    store_full: Fault,
    stop: CancellationToken,
}

pub(super) fn run(arguments: GatewayArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(GATEWAY, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: GatewayArgs, context: Context) -> Result<(), FleetError> {
    let bus = arguments.bus.config(GATEWAY)?;
    let registry = context.observability.registry();
    let bus_metrics = BusMetrics::register(registry)?;
    let producer = Producer::new(&bus, bus_metrics.clone())?;
    let gateway = Arc::new(Gateway {
        policy: Policy::shipped()?,
        keys: Keys::new(&arguments.auth.auth_secret),
        sessions: Sessions::new(
            arguments.max_sessions as usize,
            i64::from(arguments.session_idle) * 1000,
        ),
        metrics: GatewayMetrics::register(registry)?,
        producer: producer.clone(),
        neighbours: Neighbours::new(&arguments.neighbours, registry)?,
        store_full: context.faults.get(STORE_FULL),
        stop: context.stop.clone(),
    });
    let slow = context.faults.get(SLOW);
    let router = router(Arc::clone(&gateway))
        .layer(from_fn(move |request: Request, next: Next| {
            wait_for_a_place(slow.clone(), request, next)
        }))
        .layer(context.observability.http_layer()?)
        .merge(context.own_routes());
    let http = serve_http(arguments.listen, router, context.stop.clone());
    let replies = async {
        topics::ensure(&bus).await?;
        let options = topics::reading(GATEWAY, &[topics::OUTBOUND]);
        let letters = DeadLetters::new(&bus, bus_metrics.clone())?;
        let consumer = Consumer::subscribe(&bus, options, producer, bus_metrics)?;
        let replies = consumer.run(context.stop.clone(), |delivery| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.deliver(delivery) }
        });
        let depth = watch_depth(letters, registry, DEPTH_INTERVAL, context.stop.clone());
        let ((), (), depth) = tokio::join!(replies, topics::care(&bus, &context.stop), depth);
        Ok(depth?)
    };
    tokio::try_join!(http, replies).map(|_| ())
}

fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/sessions", post(api::create_session))
        .route("/v1/sessions/{id}", get(api::read_session))
        .route("/v1/sessions/{id}/messages", post(api::send_message))
        .route("/v1/sessions/{id}/canvas", get(api::read_canvas))
        .route("/v1/sessions/{id}/stream", get(stream::open))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(gateway)
}

/// The fault: a door with too few places.
async fn wait_for_a_place(slow: Fault, request: Request, next: Next) -> Response {
    if slow.is_on() {
        let wait = rand::rng().random_range(SLOW_MILLISECONDS);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    next.run(request).await
}

impl Gateway {
    fn deliver(&self, delivery: Delivery) -> Result<(), HandleError> {
        let reply: Reply = topics::decode(delivery.event.data)?;
        let (session_id, message_id) = (reply.session_id.clone(), reply.in_reply_to.clone());
        if self.sessions.reply(reply, topics::now_ms()) {
            log::info!(session_id, message_id, "reply delivered");
        } else {
            // Closed in between, or a repeat: at-least-once delivery makes both normal.
            log::debug!(session_id, message_id, "reply is for no open message");
        }
        Ok(())
    }
}
