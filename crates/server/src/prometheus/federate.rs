//! `/federate`: the newest samples of the selected series, as an exposition with timestamps.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use skopos_core::metric::{MetricSource, MetricType, Selection};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::ParseError;
use skopos_wire::exposition::TextWriter;

use super::envelope::ApiError;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;

/// The content type that Prometheus answers with where nothing else is negotiated.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// The newest sample of a series.
#[derive(Debug, Clone, Copy)]
struct Newest {
    timestamp_ms: i64,
    value: f64,
}

/// Answers the newest samples within the lookback. Native histograms are left out: the text
/// format has none.
pub(crate) async fn federate(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let selectors: Vec<Vec<Matcher>> = params
        .all("match[]")
        .map(selector)
        .collect::<Result<_, _>>()
        .map_err(ApiError::bad_data_of)?;
    let now_ms = app.state.clock.now_ms();
    let range = TimeRange::new(now_ms - app.state.promql.options().lookback_ms + 1, now_ms);
    let source = app.state.stores.tenant(&tenant).metric_source;
    let body = query::run(&app, QueryText::new("federate", "federate"), move |budget| {
        let mut newest = BTreeMap::new();
        for matchers in &selectors {
            collect(&*source, matchers, range, budget, &mut newest)?;
        }
        Ok::<_, ReadError>(exposition(&newest))
    })
    .await?;
    Ok(text::with_type(StatusCode::OK, CONTENT_TYPE, body))
}

/// A selector; unlike elsewhere in the API `{}` may stand for all series.
fn selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    if text.trim() == "{}" {
        return Ok(Vec::new());
    }
    skopos_promql::parse_metric_selector(text)
}

fn collect(
    source: &dyn MetricSource,
    matchers: &[Matcher],
    range: TimeRange,
    budget: &QueryBudget,
    newest: &mut BTreeMap<(String, Labels), Newest>,
) -> Result<(), ReadError> {
    let selection = Selection {
        matchers,
        range,
        step_ms: 0,
    };
    for series in source.select(&selection, budget)? {
        let last = series.timestamps_ms.last().zip(series.values.last());
        let Some((timestamp_ms, value)) = last.filter(|(_, value)| !is_stale(**value)) else {
            continue;
        };
        let sample = Newest {
            timestamp_ms: *timestamp_ms,
            value: *value,
        };
        newest.insert((series.labels.metric_name().to_owned(), series.labels), sample);
    }
    Ok(())
}

fn exposition(newest: &BTreeMap<(String, Labels), Newest>) -> String {
    let mut writer = TextWriter::new();
    let mut family = None;
    for ((name, labels), sample) in newest {
        if family != Some(name) {
            writer.metric_type(name, MetricType::Unknown);
            family = Some(name);
        }
        writer.sample(name, labels, sample.value, Some(sample.timestamp_ms));
    }
    writer.finish()
}
