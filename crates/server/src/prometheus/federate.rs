//! `/federate`: the newest samples of the selected series, as an exposition with timestamps.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use skopos_core::metric::{MetricSource, MetricType, MetricValue, ResolutionLimit, Selection, Series};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::ParseError;
use skopos_wire::exposition::{DELIMITED_CONTENT_TYPE, FamilyValue, FamilyWriter, TextWriter};

use super::envelope::ApiError;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;

/// The content type that Prometheus answers with where nothing else is negotiated.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// The media type of the protobuf format, as clients ask for it.
const PROTOBUF: &str = "application/vnd.google.protobuf";

/// The newest sample of a series.
#[derive(Debug, Clone)]
struct Newest {
    timestamp_ms: i64,
    value: MetricValue,
}

/// The formats that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Protobuf,
}

impl Format {
    /// Protobuf where the client names it first, as Prometheus does to get native histograms.
    fn asked(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        match accept {
            Some(accept) if accept.trim_start().starts_with(PROTOBUF) => Self::Protobuf,
            _ => Self::Text,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => CONTENT_TYPE,
            Self::Protobuf => DELIMITED_CONTENT_TYPE,
        }
    }
}

/// Answers the newest samples within the lookback. Native histograms are sent as protobuf alone: the
/// text format has none.
pub(crate) async fn federate(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let format = Format::asked(&headers);
    let selectors: Vec<Vec<Matcher>> = params
        .all("match[]")
        .map(selector)
        .collect::<Result<_, _>>()
        .map_err(ApiError::bad_data_of)?;
    let now_ms = app.state.clock.now_ms();
    let range = TimeRange::new(now_ms - app.state.promql.options().lookback_ms + 1, now_ms);
    let source = app.state.stores.tenant(&tenant).own_metric_source;
    let body = query::run(&app, QueryText::new("federate", "federate"), move |budget| {
        let mut newest = BTreeMap::new();
        for matchers in &selectors {
            collect(&*source, matchers, range, budget, &mut newest)?;
        }
        Ok::<_, ReadError>(match format {
            Format::Text => exposition(&newest).into_bytes(),
            Format::Protobuf => families(&newest),
        })
    })
    .await?;
    Ok(text::with_type(StatusCode::OK, format.content_type(), body))
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
        resolution: ResolutionLimit::KEPT,
    };
    for series in source.select(&selection, budget)? {
        let Some(sample) = last_of(&series) else {
            continue;
        };
        newest.insert((series.labels.metric_name().to_owned(), series.labels), sample);
    }
    Ok(())
}

/// The newest sample, unless it marks the end of the series.
fn last_of(series: &Series) -> Option<Newest> {
    let float = series.timestamps_ms.last().zip(series.values.last());
    let histogram = series.histogram_timestamps_ms.last().zip(series.histograms.last());
    let (timestamp_ms, value, marker) = match (float, histogram) {
        (Some((time, _)), Some((histogram_time, histogram))) if histogram_time >= time => (
            histogram_time,
            MetricValue::Histogram(Arc::clone(histogram)),
            histogram.sum,
        ),
        (Some((time, value)), _) => (time, MetricValue::Float(*value), *value),
        (None, Some((time, histogram))) => (time, MetricValue::Histogram(Arc::clone(histogram)), histogram.sum),
        (None, None) => return None,
    };
    let timestamp_ms = *timestamp_ms;
    (!is_stale(marker)).then_some(Newest { timestamp_ms, value })
}

fn families(newest: &BTreeMap<(String, Labels), Newest>) -> Vec<u8> {
    let mut writer = FamilyWriter::default();
    for ((name, labels), sample) in newest {
        let value = match &sample.value {
            MetricValue::Float(value) => FamilyValue::Untyped(*value),
            MetricValue::Histogram(histogram) => FamilyValue::Histogram(histogram),
        };
        // What the format has no place for is left out, as in Prometheus.
        writer.sample(name, labels, value, sample.timestamp_ms);
    }
    writer.finish()
}

fn exposition(newest: &BTreeMap<(String, Labels), Newest>) -> String {
    let mut writer = TextWriter::new();
    let mut family = None;
    for ((name, labels), sample) in newest {
        let MetricValue::Float(value) = sample.value else {
            continue;
        };
        if family != Some(name) {
            writer.metric_type(name, MetricType::Unknown);
            family = Some(name);
        }
        writer.sample(name, labels, value, Some(sample.timestamp_ms));
    }
    writer.finish()
}
