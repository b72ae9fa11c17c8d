//! analytics-service: events and purchases in an embedded database, reports over them, and the marketplace's catalogue.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use rand::Rng;
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};
use skopos_sdk::log::{self, chain};

use self::catalogue::Capsule;
use self::metrics::AnalyticsMetrics;
use self::reports::Report;
use self::store::{Purchase, Store, StoreError};
use crate::events::{Batch, Recorded};
use crate::refusal::Refusal;
use crate::{ANALYTICS, FAULTS};

pub(crate) mod catalogue;
mod metrics;
mod reports;
mod store;

/// The database may not grow.
pub(crate) const DISK_QUOTA: &str = "soma-disk-quota";
/// A search takes long.
pub(crate) const COLD_SEARCH: &str = "soma-search-cold";
/// What the fault adds to a search, in milliseconds.
const COLD_MS: std::ops::Range<u64> = 700..1_400;
/// Results of a search where no number is given, and most of them.
const DEFAULT_RESULTS: u32 = 5;
const MAX_RESULTS: u32 = 50;
/// Pause between two removals of what is old.
const PRUNE_PAUSE: Duration = Duration::from_mins(1);

/// Settings of the analytics service.
#[derive(Debug, Args)]
pub(crate) struct AnalyticsArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8025", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// File of the database; without it a temporary one that ends with the service.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Who wants to buy what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) tenant: String,
    pub(crate) user: String,
    pub(crate) capsule: String,
}

/// A recorded purchase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) capsule: String,
    pub(crate) price_cents: i64,
}

/// A capsule with whether the asking tenant has bought it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Offer {
    #[serde(flatten)]
    pub(crate) capsule: Capsule,
    pub(crate) is_licensed: bool,
}

/// What a search found, the best first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) capsules: Vec<Capsule>,
}

#[derive(Debug, Deserialize)]
struct SearchQuery {
    q: String,
    /// Who searches.
    tenant: String,
    limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct OfferQuery {
    tenant: String,
}

#[derive(Debug, Deserialize)]
struct ReportQuery {
    /// Who asks.
    tenant: String,
    /// Only what happened since then, in milliseconds since the epoch.
    since_ms: Option<i64>,
}

struct Analytics {
    store: Store,
    cold: Fault,
    quota: Fault,
    metrics: AnalyticsMetrics,
}

pub(crate) fn run(arguments: AnalyticsArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(ANALYTICS, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: AnalyticsArgs, context: Context) -> Result<(), FleetError> {
    let store = Store::open(arguments.database.as_deref())
        .await
        .map_err(|error| FleetError::Needed {
            action: "open the database".to_owned(),
            source: error.into(),
        })?;
    let analytics = Arc::new(Analytics {
        store,
        cold: context.faults.get(COLD_SEARCH),
        quota: context.faults.get(DISK_QUOTA),
        metrics: AnalyticsMetrics::register(context.observability.registry())?,
    });
    let router = Router::new()
        .route("/v1/events", post(record))
        .route("/v1/purchases", post(buy))
        .route("/v1/marketplace/search", get(search))
        .route("/v1/marketplace/capsules/{id}", get(offer))
        .route("/v1/reports/{name}", get(report))
        .with_state(Arc::clone(&analytics))
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    let upkeep = async {
        analytics.keep_small(&context).await;
        Ok(())
    };
    tokio::try_join!(serve_http(arguments.listen, router, context.stop.clone()), upkeep).map(|_| ())
}

impl Analytics {
    /// Removes what is old and measures the file, until told to stop.
    async fn keep_small(&self, context: &Context) {
        loop {
            if let Err(error) = self.store.prune(now_ms()).await {
                log::error!(error = chain(&error), "what is old could not be removed");
            }
            if let Ok(bytes) = self.store.size_bytes().await {
                self.metrics.size(bytes);
            }
            tokio::select! {
                () = context.stop.cancelled() => return,
                () = tokio::time::sleep(PRUNE_PAUSE) => {}
            }
        }
    }

    /// The store, with the quota that the fault asks for.
    async fn writable(&self) -> Result<&Store, StoreError> {
        self.store.hold_size(self.quota.is_on()).await?;
        Ok(&self.store)
    }
}

async fn record(
    State(analytics): State<Arc<Analytics>>,
    batch: Result<Json<Batch>, JsonRejection>,
) -> Result<(StatusCode, Json<Recorded>), Refusal> {
    let Json(Batch { events }) = batch?;
    analytics.writable().await?.record(&events).await?;
    for event in &events {
        analytics.metrics.recorded(event);
    }
    Ok((StatusCode::ACCEPTED, Json(Recorded { recorded: events.len() })))
}

async fn buy(
    State(analytics): State<Arc<Analytics>>,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<(StatusCode, Json<Receipt>), Refusal> {
    let Json(order) = order?;
    let capsule = analytics.store.capsule(&order.capsule).await?;
    let capsule = capsule.ok_or_else(|| no_capsule(&order.capsule))?;
    let purchase = Purchase {
        at_ms: now_ms(),
        tenant: &order.tenant,
        user: &order.user,
        capsule: &capsule.id,
        cents: capsule.price_cents,
    };
    analytics.writable().await?.buy(&purchase).await?;
    analytics.metrics.bought(&capsule, &order.tenant);
    log::info!(
        tenant = order.tenant,
        capsule = capsule.id,
        price_cents = capsule.price_cents,
        "purchase recorded"
    );
    let receipt = Receipt {
        capsule: capsule.id,
        price_cents: capsule.price_cents,
    };
    Ok((StatusCode::CREATED, Json(receipt)))
}

async fn search(
    State(analytics): State<Arc<Analytics>>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Found>, Refusal> {
    let started = Instant::now();
    if analytics.cold.is_on() {
        let pause = Duration::from_millis(rand::rng().random_range(COLD_MS));
        tokio::time::sleep(pause).await;
    }
    let limit = query.limit.unwrap_or(DEFAULT_RESULTS).min(MAX_RESULTS);
    let capsules = analytics.store.search(&query.q, limit).await?;
    let elapsed = started.elapsed();
    analytics.metrics.searched(&query.tenant, elapsed);
    let (words, found, duration_ms) = (query.q.as_str(), capsules.len(), elapsed.as_secs_f64() * 1000.0);
    log::info!(words, found, duration_ms, "marketplace searched");
    Ok(Json(Found { capsules }))
}

async fn offer(
    State(analytics): State<Arc<Analytics>>,
    Path(id): Path<String>,
    Query(query): Query<OfferQuery>,
) -> Result<Json<Offer>, Refusal> {
    let capsule = analytics.store.capsule(&id).await?.ok_or_else(|| no_capsule(&id))?;
    let is_licensed = analytics.store.has_bought(&query.tenant, &id).await?;
    Ok(Json(Offer { capsule, is_licensed }))
}

async fn report(
    State(analytics): State<Arc<Analytics>>,
    Path(name): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Json<Report>, Refusal> {
    let kind = reports::find(&name).ok_or_else(|| {
        let names: Vec<&str> = reports::KINDS.iter().map(|kind| kind.name).collect();
        Refusal::new(
            StatusCode::NOT_FOUND,
            "report_not_found",
            format!("there is no report {name}; there are {}", names.join(", ")),
        )
    })?;
    let started = Instant::now();
    let report = analytics.store.report(kind, query.since_ms.unwrap_or(0)).await?;
    analytics.metrics.queried(kind.name, &query.tenant, started.elapsed());
    Ok(Json(report))
}

fn no_capsule(id: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "capsule_not_found",
        format!("there is no capsule {id}; look for one with GET /v1/marketplace/search?q=WORDS"),
    )
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_full() {
            let hint = "the database may not grow; raise its quota or remove what is old";
            return Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "database_full",
                format!("{error}; {hint}"),
            );
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "database_failed", error.to_string())
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
