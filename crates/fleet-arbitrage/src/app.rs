//! arbitrage: the agents. Takes tasks, runs them against marketplaces, models, payments and documents.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use clap::Args;
use prometheus::{IntCounterVec, Opts};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};
use url::Url;

pub(crate) use self::api::Submitted;
use self::arena::Arena;
use self::engine::Engine;
use self::journal::Journal;
use self::knowledge::Knowledge;
use self::markets::Markets;
use self::models::Models;
use self::payments::Payments;
pub(crate) use self::task::{TaskKind, TaskRequest};
use crate::faults::{API_SLOW, FAULTS};
use crate::payments::{DEMO_SECRET, SECRET_VARIABLE, certificate};
use crate::peer::{self, Named, Peer};
use crate::{APP, MODEL, PAYMENTS};

mod api;
mod arena;
mod engine;
mod journal;
mod knowledge;
mod markets;
mod models;
mod payments;
mod task;
mod work;

/// One call of another service; a slow model answers within it.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Settings of the agents.
#[derive(Debug, Args)]
pub(crate) struct AppArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8050", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where model-service is.
    #[arg(long, default_value = "http://127.0.0.1:8051", value_name = "URL")]
    model: Url,
    /// A marketplace by its name; may be given several times.
    #[arg(
        long = "marketplace",
        value_parser = Named::parse,
        default_values = ["marketplace-north=http://127.0.0.1:8052", "marketplace-south=http://127.0.0.1:8053"],
        value_name = "NAME=URL"
    )]
    marketplaces: Vec<Named>,
    /// Where payment-provider is.
    #[arg(long, default_value = "https://localhost:8055", value_name = "URL")]
    payments: Url,
    /// Address under which payment-provider reaches this service.
    #[arg(long, default_value = "http://127.0.0.1:8050", value_name = "URL")]
    public_url: Url,
    /// Secret that the webhooks of payments are signed with, and that the key of the certificate authority is made from.
    #[arg(long, env = SECRET_VARIABLE, default_value = DEMO_SECRET, hide_env_values = true, value_name = "TEXT")]
    webhook_secret: String,
    /// Tasks that run at one time.
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What the handlers share.
struct App {
    engine: Engine,
    agents: Arc<Agents>,
    webhooks: IntCounterVec,
    slow: Fault,
}

/// What a task can use.
struct Agents {
    markets: Markets,
    models: Models,
    knowledge: Knowledge,
    payments: Payments,
    arena: Arena,
}

pub(crate) fn run(arguments: AppArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(APP, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: AppArgs, context: Context) -> Result<(), FleetError> {
    crate::propagate();
    let webhooks = IntCounterVec::new(
        Opts::new(
            "payment_webhooks_total",
            "Webhooks of the payment provider, by what came of them.",
        ),
        &["result"],
    )?;
    context.observability.registry().register(Box::new(webhooks.clone()))?;
    let agents = Arc::new(agents(&arguments, &context)?);
    let journal = Journal::create(&context.faults)?;
    let engine = Engine::start(Arc::clone(&agents), journal, arguments.workers.into(), &context.stop);
    let app = Arc::new(App {
        engine,
        agents,
        webhooks,
        slow: context.faults.get(API_SLOW),
    });
    let router = Router::new()
        .route("/v1/tasks", post(api::submit))
        .route("/v1/tasks/{id}", get(api::read))
        .route(payments::WEBHOOK_PATH, post(api::payment_webhook))
        .with_state(app)
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop.clone()).await
}

fn agents(arguments: &AppArgs, context: &Context) -> Result<Agents, FleetError> {
    let resolved: Vec<_> = arguments.marketplaces.iter().map(Named::resolved).collect();
    let hosts: Vec<_> = resolved.iter().filter_map(|(_, host)| *host).collect();
    let client = peer::client(CALL_TIMEOUT, &hosts)?;
    let payment_client = certificate::client(CALL_TIMEOUT, &arguments.webhook_secret)?;
    let names = arguments.marketplaces.iter().map(|market| market.name.as_str());
    let markets = names
        .zip(&resolved)
        .map(|(name, (base, _))| (name.to_owned(), Peer::new(name, base, client.clone())));
    Ok(Agents {
        markets: Markets::new(markets.collect(), context),
        models: Models::new(Peer::new(MODEL, arguments.model.as_str(), client), &context.faults),
        knowledge: Knowledge::shipped(&context.faults),
        payments: Payments::new(
            Peer::new(PAYMENTS, arguments.payments.as_str(), payment_client),
            arguments.public_url.as_str(),
            arguments.webhook_secret.clone(),
        ),
        arena: Arena::new(&context.faults),
    })
}
