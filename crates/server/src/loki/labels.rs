//! `/loki/api/v1/labels`, `/label/{name}/values`, `/series`.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use skopos_core::{Labels, Matcher, ReadError};

use super::error::LokiError;
use super::params::label_range;
use crate::params::Params;
use crate::prometheus::labels::LabelsJson;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;

/// Names of labels.
pub(super) async fn names(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let matchers = selector(&params)?;
    let source = app.state.stores.tenant(&tenant).log_source;
    let names = query::run(&app, query_text(&params), move |_| source.label_names(&matchers, range)).await?;
    Ok(success(&names))
}

/// Values of one label.
pub(super) async fn values(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let matchers = selector(&params)?;
    let source = app.state.stores.tenant(&tenant).log_source;
    let values = query::run(&app, query_text(&params), move |_| {
        source.label_values(&name, &matchers, range)
    })
    .await?;
    Ok(success(&values))
}

/// Label sets of streams.
pub(super) async fn series(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let selectors: Vec<Vec<Matcher>> = params
        .all("match[]")
        .chain(params.all("match"))
        .map(skopos_logql::parse_matchers)
        .collect::<Result<_, _>>()?;
    if selectors.is_empty() {
        return Err(LokiError::bad_request(
            "0 matcher groups supplied: give at least one match[]",
        ));
    }
    let source = app.state.stores.tenant(&tenant).log_source;
    let found = query::run(&app, query_text(&params), move |_| {
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        for matchers in &selectors {
            found.extend(source.series(matchers, range)?);
        }
        Ok::<_, ReadError>(found)
    })
    .await?;
    Ok(success(&found.iter().map(LabelsJson).collect::<Vec<_>>()))
}

/// The matchers of `query`; none where it is not given.
pub(super) fn selector(params: &Params) -> Result<Vec<Matcher>, LokiError> {
    match params.non_empty("query") {
        None => Ok(Vec::new()),
        Some(text) => Ok(skopos_logql::parse_matchers(text)?),
    }
}

/// What is asked, for the slow log.
pub(super) fn query_text(params: &Params) -> QueryText {
    QueryText::new("log_metadata", params.get("query"))
}

fn success(data: &impl serde::Serialize) -> Response {
    text::json(StatusCode::OK, &json!({ "status": "success", "data": data }))
}
