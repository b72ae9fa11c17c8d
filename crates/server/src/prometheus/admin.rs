//! `/api/v1/admin/tsdb/*`: deleting series, cleaning after it, and snapshots. Off unless
//! `--web.enable-admin-api` is given.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use skopos_core::WriteError;
use skopos_core::metric::{MetricAdmin, SnapshotHead};

use super::arguments;
use super::envelope::{ApiError, ErrorType, success};
use crate::options::AdminApi;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::{App, Shared};
use crate::tenant::Tenant;
use crate::time::snapshot_name;

/// Deletes the series of each selector in a range of time.
pub(crate) async fn delete_series(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    refuse_unless_enabled(&app)?;
    if params.find("match[]").is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = arguments::time_range(&params)?;
    let selectors = arguments::selectors(&params)?;
    let admin = app.state.stores.tenant(&tenant).metric_admin;
    run(&app, "delete series", move || {
        for matchers in &selectors {
            let report = admin.delete_series(matchers, range)?;
            tracing::info!(
                ?matchers,
                series = report.series,
                samples = report.samples,
                "series were deleted"
            );
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Writes anew what deletions left.
pub(crate) async fn clean_tombstones(State(app): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, ApiError> {
    refuse_unless_enabled(&app)?;
    let admin = app.state.stores.tenant(&tenant).metric_admin;
    run(&app, "clean tombstones", move || {
        let report = admin.clean_tombstones()?;
        tracing::info!(
            tombstones = report.tombstones,
            parts = report.parts,
            samples = report.samples,
            "tombstones were cleaned"
        );
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Copies the store below the data directory and tells the copy's name.
pub(crate) async fn snapshot(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    refuse_unless_enabled(&app)?;
    let head = match params.get("skip_head") {
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => SnapshotHead::Include,
        "1" | "t" | "T" | "true" | "TRUE" | "True" => SnapshotHead::Skip,
        other => {
            let reason = format!("unable to parse boolean: parsing {other:?}: invalid syntax");
            return Err(ApiError::parameter("skip_head", reason));
        }
    };
    let name = snapshot_name(app.state.clock.now_ms());
    let admin: Arc<dyn MetricAdmin> = app.state.stores.tenant(&tenant).metric_admin;
    let made = name.clone();
    run(&app, "snapshot", move || admin.snapshot(&made, head).map(drop)).await?;
    Ok(success(json!({ "name": name })))
}

fn refuse_unless_enabled(app: &App) -> Result<(), ApiError> {
    match app.state.options.admin_api {
        AdminApi::Enabled => Ok(()),
        AdminApi::Disabled => Err(ApiError::new(ErrorType::Unavailable, "admin APIs disabled")),
    }
}

async fn run(
    app: &App,
    what: &'static str,
    work: impl FnOnce() -> Result<(), WriteError> + Send + 'static,
) -> Result<(), ApiError> {
    query::run(app, QueryText::new("admin", what), move |_| work())
        .await
        .map_err(|failure| ApiError::new(ErrorType::Internal, ApiError::from(failure).message))
}
