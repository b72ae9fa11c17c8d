//! `/api/v1/query_exemplars`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use skopos_core::metric::Exemplar;
use skopos_core::{Labels, ReadError, TimeRange};

use super::arguments;
use super::envelope::{ApiError, success};
use super::labels::LabelsJson;
use crate::number::value_text;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;

/// Exemplars of all series that an expression selects.
pub(crate) async fn exemplars(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let range = read_range(&params)?;
    let text = params.get("query");
    let expr = app.state.promql.parse(text).map_err(ApiError::bad_data_of)?;
    let selectors = skopos_promql::extract_selectors(&expr);
    if selectors.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let source = app.state.stores.tenant(&tenant).metric_source;
    let found = query::run(&app, QueryText::new("exemplars", text), move |_| {
        let mut by_series: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        for matchers in &selectors {
            by_series.extend(source.exemplars(matchers, range)?);
        }
        Ok::<_, ReadError>(by_series)
    })
    .await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|(labels, exemplars)| series_json(labels, exemplars))
        .collect();
    Ok(success(shown))
}

fn read_range(params: &Params) -> Result<TimeRange, ApiError> {
    let range = arguments::time_range(params)?;
    if range.end_ms < range.start_ms {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    Ok(range)
}

fn series_json(labels: &Labels, exemplars: &[Exemplar]) -> Value {
    let shown: Vec<Value> = exemplars
        .iter()
        .map(|exemplar| {
            json!({
                "labels": LabelsJson(&exemplar.labels),
                "value": value_text(exemplar.value),
                "timestamp": exemplar.timestamp_ms as f64 / 1000.0,
            })
        })
        .collect();
    json!({ "seriesLabels": LabelsJson(labels), "exemplars": shown })
}
