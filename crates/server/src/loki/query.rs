//! `/loki/api/v1/query_range`, `/query` and `/format_query`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use skopos_logql::output::Encoding;
use skopos_logql::{DEFAULT_MAX_LINE, InstantQuery, RangeQuery};

use super::encode::query_body;
use super::error::LokiError;
use super::params::{self, RangeParams};
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;

const ENCODING_FLAGS: &str = "x-loki-response-encoding-flags";
const CATEGORIZE_LABELS: &str = "categorize-labels";

/// Lines or numbers over a range.
pub(super) async fn range(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, LokiError> {
    let limits = app.state.limits.of(&tenant);
    let range = params::range(&params, app.state.clock.now_ns(), &limits)?;
    let text = params.get("query").to_owned();
    let encoding = encoding(&headers);
    let source = app.state.stores.tenant(&tenant).log_source;
    let engine = app.state.logql.clone();
    let body = query::run(&app, QueryText::new("logql", text.clone()), move |budget| {
        let output = engine.query_range(&*source, &range_query(&text, range), budget)?;
        Ok::<_, skopos_logql::EvalError>(query_body(&output, encoding))
    })
    .await?;
    Ok(text::with_type(StatusCode::OK, text::JSON, body))
}

/// Numbers at one time.
pub(super) async fn instant(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, LokiError> {
    let limits = app.state.limits.of(&tenant);
    let instant = params::instant(&params, app.state.clock.now_ns(), &limits)?;
    let text = params.get("query").to_owned();
    let encoding = encoding(&headers);
    let source = app.state.stores.tenant(&tenant).log_source;
    let engine = app.state.logql.clone();
    let body = query::run(&app, QueryText::new("logql", text.clone()), move |budget| {
        let query = InstantQuery {
            query: &text,
            time_ns: instant.time_ns,
        };
        let output = engine.instant(&*source, &query, budget)?;
        Ok::<_, skopos_logql::EvalError>(query_body(&output, encoding))
    })
    .await?;
    Ok(text::with_type(StatusCode::OK, text::JSON, body))
}

/// A query laid out for reading.
pub(super) async fn format(params: Params) -> Response {
    match skopos_logql::parse(params.get("query")) {
        Ok(expr) => {
            let formatted = skopos_logql::prettify(&expr, DEFAULT_MAX_LINE);
            text::json(StatusCode::OK, &json!({ "status": "success", "data": formatted }))
        }
        Err(error) => {
            let body = json!({ "status": "invalid-query", "error": error.to_string() });
            text::json(StatusCode::BAD_REQUEST, &body)
        }
    }
}

fn range_query(query: &str, params: RangeParams) -> RangeQuery<'_> {
    RangeQuery {
        query,
        start_ns: params.start_ns,
        end_ns: params.end_ns,
        step_ns: params.step_ns,
        interval_ns: params.interval_ns,
        limit: params.limit,
        direction: params.direction,
    }
}

fn encoding(headers: &HeaderMap) -> Encoding {
    let flags = headers.get(ENCODING_FLAGS).and_then(|flags| flags.to_str().ok());
    let categorized = flags.is_some_and(|flags| flags.split(',').any(|flag| flag.trim() == CATEGORIZE_LABELS));
    if categorized {
        Encoding::Categorized
    } else {
        Encoding::Merged
    }
}
