//! The Pushgateway's API: jobs that end before they could be scraped push what they have to tell.
//!
//! A group of metrics, named by its grouping labels, is kept until it is replaced or deleted. Its
//! samples are written when it is pushed and again every [`REFRESH`], so that it does not go stale;
//! a series that is gone from its group ends with a staleness marker. Groups are written to a folder
//! before a push is answered, and read again at the start.

mod api;
mod families;
mod grouping;
mod groups;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use skopos_core::ledger::Signal;
use skopos_core::metric::MetricBatch;
use skopos_core::{TenantId, WriteError};
use skopos_wire::compression::{CompressionError, Encoding, decompress};
use skopos_wire::exposition::{BodyFormat, Format};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub(crate) use self::groups::PushGroups;
use self::groups::{Mode, PushError};
use crate::body::{BodyError, read_push};
use crate::doors::Door;
use crate::options::AdminApi;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "pushgateway";
/// Time between samples of a group that nobody pushes.
const REFRESH: Duration = Duration::from_secs(15);

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    let group = || put(replace).post(merge).delete(delete);
    Router::new()
        .route("/metrics/job/{*group}", group())
        .route("/metrics/job@base64/{*group}", group())
        .route("/api/v1/metrics", get(api::metrics))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/admin/wipe", put(wipe))
}

/// Why a push or a deletion failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Compression(#[from] CompressionError),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(error) => error.status(),
            Self::Compression(CompressionError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Compression(_) | Self::Invalid(_) | Self::Push(PushError::Inconsistent(_)) => StatusCode::BAD_REQUEST,
            Self::Push(PushError::TooManyGroups { .. }) | Self::Pool(PoolError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::Write(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Push(PushError::Keep { .. }) | Self::Pool(PoolError::Panicked(_)) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        text::text(self.status(), format!("{self}\n"))
    }
}

/// `PUT`: the group has what is pushed and nothing else.
async fn replace(State(app): State<Shared>, request: Request<Body>) -> Result<StatusCode, Failure> {
    receive(app, request, Mode::Replace).await
}

/// `POST`: metrics of the same names are replaced, the others stay.
async fn merge(State(app): State<Shared>, request: Request<Body>) -> Result<StatusCode, Failure> {
    receive(app, request, Mode::Merge).await
}

/// `DELETE`: the group is gone. It is no fault if there was none.
async fn delete(State(app): State<Shared>, request: Request<Body>) -> Result<StatusCode, Failure> {
    let group = grouping::of_path(request.uri().path()).map_err(Failure::Invalid)?;
    let tenant = read_push(&app, DOOR, request).await?.tenant;
    let worker = Arc::clone(&app);
    let deleted = app.ingest.run(move || -> Result<(), Failure> {
        let now_ms = worker.state.clock.now_ms();
        let ended = worker.push_groups.delete(&tenant, &group, now_ms)?;
        Ok(append(&worker, &tenant, ended)?)
    });
    deleted.await??;
    Ok(StatusCode::ACCEPTED)
}

/// Deletes all groups of a tenant. As upstream there is no such path unless the admin API is enabled.
async fn wipe(State(app): State<Shared>, request: Request<Body>) -> Result<StatusCode, Failure> {
    if app.state.options.admin_api == AdminApi::Disabled {
        return Ok(StatusCode::NOT_FOUND);
    }
    let tenant = read_push(&app, DOOR, request).await?.tenant;
    let worker = Arc::clone(&app);
    let wiped = app.ingest.run(move || -> Result<(), Failure> {
        let now_ms = worker.state.clock.now_ms();
        let (ended, removed) = worker.push_groups.wipe(&tenant, now_ms);
        append(&worker, &tenant, ended)?;
        Ok(removed?)
    });
    wiped.await??;
    Ok(StatusCode::ACCEPTED)
}

async fn receive(app: Shared, request: Request<Body>, mode: Mode) -> Result<StatusCode, Failure> {
    let group = grouping::of_path(request.uri().path()).map_err(Failure::Invalid)?;
    let push = read_push(&app, DOOR, request).await?;
    let worker = Arc::clone(&app);
    let stored = app.ingest.run(move || -> Result<(), Failure> {
        let limit = worker.state.options.max_body_bytes;
        let now_ms = worker.state.clock.now_ms();
        let read = || -> Result<families::Families, Failure> {
            let body = decompress(Encoding::from_header(&push.content_encoding)?, &push.body, limit)?;
            let format = BodyFormat::from_content_type(&push.content_type).unwrap_or(BodyFormat::Text(Format::Text));
            families::read(&body, format, &group).map_err(Failure::Invalid)
        };
        let pushed = read().and_then(|families| {
            let groups = &worker.push_groups;
            Ok(groups.push(&push.tenant, &group, families, mode, now_ms)?)
        });
        let batch = pushed.inspect_err(|error| {
            let door = door(&push.tenant);
            door.reject_body(&worker.state.ledger, error.status());
            worker.push_groups.note_failure(&push.tenant, &group, now_ms);
        })?;
        Ok(append(&worker, &push.tenant, batch)?)
    });
    stored.await??;
    Ok(StatusCode::OK)
}

fn door(tenant: &TenantId) -> Door {
    Door {
        tenant: tenant.clone(),
        signal: Signal::Metrics,
        name: DOOR,
    }
}

fn append(app: &App, tenant: &TenantId, batch: MetricBatch) -> Result<(), WriteError> {
    if batch.series.is_empty() {
        return Ok(());
    }
    let (door, ledger) = (door(tenant), &app.state.ledger);
    let count = batch.series.len() as u64;
    let sink = app.state.stores.tenant(tenant).metric_sink;
    let report = sink
        .append(batch)
        .inspect_err(|_| door.reject(ledger, "write_failed", count))?;
    door.record(ledger, &report);
    Ok(())
}

/// Writes the samples of all groups again and again until `shutdown`.
pub(crate) async fn refresh(app: Shared, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let worker = Arc::clone(&app);
        let refreshed = app.ingest.run(move || {
            let now_ms = worker.state.clock.now_ms();
            for (tenant, batch) in worker.push_groups.refresh(now_ms) {
                if let Err(error) = append(&worker, &tenant, batch) {
                    tracing::error!(%tenant, %error, "samples of pushed groups are lost");
                }
            }
        });
        if let Err(error) = refreshed.await {
            tracing::error!(%error, "pushed groups were not written again");
        }
    }
}
