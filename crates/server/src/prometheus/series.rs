//! `/api/v1/series`, `/api/v1/labels`, `/api/v1/label/{name}/values`.

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use skopos_core::{Labels, Matcher, ReadError};

use super::arguments;
use super::envelope::{ApiError, success_with_warnings, truncate};
use super::label_name;
use super::labels::LabelsJson;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;

/// Label sets of the series that match.
pub(crate) async fn series(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    if params.find("match[]").is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = arguments::limit(&params)?;
    let range = arguments::time_range(&params)?;
    let selectors = arguments::selectors(&params)?;
    let source = app.state.stores.tenant(&tenant).metric_source;
    let (mut found, noted): (Vec<Labels>, _) = query::run(&app, query_text(&params), move |budget| {
        let found = union(&selectors, |matchers| source.series_for_query(matchers, range, budget))?;
        Ok::<_, ReadError>((found, budget.warnings()))
    })
    .await?;
    let mut warnings = truncate(&mut found, limit);
    warnings.extend(noted);
    let shown: Vec<LabelsJson<'_>> = found.iter().map(LabelsJson).collect();
    Ok(success_with_warnings(shown, &warnings))
}

/// Names of labels.
pub(crate) async fn label_names(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = arguments::limit(&params)?;
    let range = arguments::time_range(&params)?;
    let selectors = or_everything(arguments::selectors(&params)?);
    let source = app.state.stores.tenant(&tenant).metric_source;
    let mut names = query::run(&app, query_text(&params), move |_| {
        union(&selectors, |matchers| source.label_names(matchers, range))
    })
    .await?;
    let warnings = truncate(&mut names, limit);
    Ok(success_with_warnings(names, &warnings))
}

/// Values of one label.
pub(crate) async fn label_values(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    OriginalUri(uri): OriginalUri,
    params: Params,
) -> Result<Response, ApiError> {
    let name = label_name::from_path(uri.path()).map_err(ApiError::bad_data)?;
    let limit = arguments::limit(&params)?;
    let range = arguments::time_range(&params)?;
    let selectors = or_everything(arguments::selectors(&params)?);
    let source = app.state.stores.tenant(&tenant).metric_source;
    let mut values = query::run(&app, query_text(&params), move |_| {
        union(&selectors, |matchers| source.label_values(&name, matchers, range))
    })
    .await?;
    let warnings = truncate(&mut values, limit);
    Ok(success_with_warnings(values, &warnings))
}

/// What any of the selectors finds, sorted, each once.
pub(super) fn union<T: Ord>(
    selectors: &[Vec<Matcher>],
    read: impl Fn(&[Matcher]) -> Result<Vec<T>, ReadError>,
) -> Result<Vec<T>, ReadError> {
    if let [only] = selectors {
        return read(only);
    }
    let mut found = BTreeSet::new();
    for matchers in selectors {
        found.extend(read(matchers)?);
    }
    Ok(found.into_iter().collect())
}

pub(super) fn or_everything(selectors: Vec<Vec<Matcher>>) -> Vec<Vec<Matcher>> {
    if selectors.is_empty() {
        vec![Vec::new()]
    } else {
        selectors
    }
}

pub(super) fn query_text(params: &Params) -> QueryText {
    let selectors: Vec<&str> = params.all("match[]").collect();
    QueryText::new("metadata", selectors.join(" or "))
}
