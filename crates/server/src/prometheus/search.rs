//! `/api/v1/search/metric_names`, `label_names`, `label_values`: names that are like a text, as lines
//! of JSON (`web/api/v1/search.go` in Prometheus 3.13; `--enable-feature=search-api`).

mod asked;
mod filter;
mod subsequence;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricMetadata, MetricSource};
use skopos_core::{ReadError, TenantId};

use self::asked::Asked;
use super::envelope::{ApiError, ErrorType};
use super::series::{query_text, union};
use crate::options::SearchApi;
use crate::params::Params;
use crate::query;
use crate::router::{App, Shared};
use crate::tenant::Tenant;
use crate::text;

const NDJSON: &str = "application/x-ndjson; charset=utf-8";

/// Names of metrics, with type, help and unit where asked for.
pub(crate) async fn metric_names(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    check_enabled(&app)?;
    let metadata = if asked::flag(&params, "include_metadata", false)? {
        Metadata::Told
    } else {
        Metadata::LeftOut
    };
    let of = Searched::LabelValues(METRIC_NAME.to_owned());
    search(&app, &tenant, &params, of, metadata).await
}

/// Names of labels.
pub(crate) async fn label_names(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    check_enabled(&app)?;
    search(&app, &tenant, &params, Searched::LabelNames, Metadata::LeftOut).await
}

/// Values of the label that `label` names.
pub(crate) async fn label_values(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    check_enabled(&app)?;
    let label = params
        .non_empty("label")
        .ok_or_else(|| ApiError::bad_data("missing required parameter \"label\""))?;
    let of = Searched::LabelValues(label.to_owned());
    search(&app, &tenant, &params, of, Metadata::LeftOut).await
}

fn check_enabled(app: &App) -> Result<(), ApiError> {
    match app.state.options.search_api {
        SearchApi::Enabled => Ok(()),
        SearchApi::Disabled => Err(ApiError::new(ErrorType::Unavailable, "search API disabled")),
    }
}

/// What is searched.
enum Searched {
    LabelNames,
    LabelValues(String),
}

/// Whether results tell of their metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metadata {
    Told,
    LeftOut,
}

/// A result.
#[derive(Debug, Serialize)]
struct Found {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(flatten)]
    metric: Option<FoundMetric>,
}

#[derive(Debug, Serialize)]
struct FoundMetric {
    #[serde(rename = "type")]
    metric_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    unit: String,
}

impl From<MetricMetadata> for FoundMetric {
    fn from(known: MetricMetadata) -> Self {
        Self {
            metric_type: known.metric_type.as_str(),
            help: known.help,
            unit: known.unit,
        }
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    results: &'a [Found],
}

#[derive(Serialize)]
struct Trailer {
    status: &'static str,
    has_more: bool,
}

async fn search(
    app: &App,
    tenant: &TenantId,
    params: &Params,
    of: Searched,
    metadata: Metadata,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, app.state.clock.now_ms())?;
    let source = app.state.stores.tenant(tenant).metric_source;
    let body = query::run(app, query_text(params), move |_| {
        let names = union(&asked.selectors, |matchers| match &of {
            Searched::LabelNames => source.label_names(matchers, asked.range),
            Searched::LabelValues(label) => source.label_values(label, matchers, asked.range),
        })?;
        let mut picked = asked.pick(names);
        let has_more = picked.len() > asked.limit;
        picked.truncate(asked.limit);
        let mut found = Vec::with_capacity(picked.len());
        for (score, name) in picked {
            found.push(Found {
                metric: match metadata {
                    Metadata::Told => metric(&*source, &name)?,
                    Metadata::LeftOut => None,
                },
                score: asked.includes_score.then_some(score),
                name,
            });
        }
        Ok::<_, ReadError>(lines(&found, asked.batch_size, has_more))
    })
    .await?;
    let body = body.map_err(|error| ApiError::new(ErrorType::Internal, error.to_string()))?;
    Ok(text::with_type(StatusCode::OK, NDJSON, body))
}

fn metric(source: &dyn MetricSource, name: &str) -> Result<Option<FoundMetric>, ReadError> {
    let known = source.metadata(Some(name))?;
    Ok(known.into_iter().next().map(FoundMetric::from))
}

/// Batches of results, one at least, and the line that says that they are all.
fn lines(found: &[Found], batch_size: usize, has_more: bool) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    if found.is_empty() {
        line(&mut out, &Batch { results: &[] })?;
    }
    for results in found.chunks(batch_size) {
        line(&mut out, &Batch { results })?;
    }
    let trailer = Trailer {
        status: "success",
        has_more,
    };
    line(&mut out, &trailer)?;
    Ok(out)
}

fn line(out: &mut Vec<u8>, content: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, content)?;
    out.push(b'\n');
    Ok(())
}
