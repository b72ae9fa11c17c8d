//! `/api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/metadata`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use skopos_core::metric::MetricMetadata;
use skopos_core::{Labels, Matcher};
use skopos_promql::duration::format_duration;
use skopos_promql::parse_metric_selector;
use skopos_scrape::{ActiveTarget, DroppedTarget, TargetMetadata};

use super::envelope::{ApiError, success};
use super::labels::LabelsJson;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::time::rfc3339;

/// The targets and how their last scrape went.
pub(crate) async fn targets(State(app): State<Shared>, params: Params) -> Response {
    let pool = params.non_empty("scrapePool");
    let state = params.get("state").to_ascii_lowercase();
    let in_pool = |name: &str| pool.is_none_or(|pool| pool == name);
    let mut all = app.state.targets.targets();
    all.active
        .retain(|target| state != "dropped" && in_pool(&target.scrape_pool));
    all.dropped
        .retain(|target| state != "active" && in_pool(&target.scrape_pool));
    success(TargetsJson {
        active_targets: all.active.iter().map(active_json).collect(),
        dropped_targets: all.dropped.iter().map(dropped_json).collect(),
        dropped_target_counts: all.dropped_counts,
    })
}

/// Metadata of the metrics that targets expose.
pub(crate) async fn target_metadata(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    let limit = match params.non_empty("limit") {
        None => usize::MAX,
        Some(text) => parse_count(text).ok_or_else(|| ApiError::bad_data("limit must be a number"))?,
    };
    let matchers = match params.non_empty("match_target") {
        None => Vec::new(),
        Some(text) => parse_metric_selector(text).map_err(|error| ApiError::parameter("match_target", error))?,
    };
    let metric = params.non_empty("metric");
    let known = app.state.targets.metadata();
    let matching = known.iter().filter(|target| matches_all(&matchers, &target.target));
    let rows = matching.flat_map(|target| target_rows(target, metric));
    Ok(success(rows.take(limit).collect::<Vec<_>>()))
}

fn matches_all(matchers: &[Matcher], labels: &Labels) -> bool {
    skopos_core::matcher::all_match(matchers, labels)
}

fn target_rows<'a>(target: &'a TargetMetadata, metric: Option<&'a str>) -> impl Iterator<Item = Value> + 'a {
    let families = target.metadata.iter();
    let wanted = families.filter(move |family| metric.is_none_or(|metric| metric == family.metric));
    wanted.map(move |family| {
        let mut row = json!({
            "target": LabelsJson(&target.target),
            "type": family.metric_type.as_str(),
            "help": family.help,
            "unit": family.unit,
        });
        if metric.is_none() {
            row["metric"] = Value::from(family.metric.as_str());
        }
        row
    })
}

/// Type, help and unit of metric families.
pub(crate) async fn metadata(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let count = |name| match params.non_empty(name) {
        None => Ok(usize::MAX),
        Some(text) => parse_count(text).ok_or_else(|| ApiError::bad_data(format!("{name} must be a number"))),
    };
    let (limit, limit_per_metric) = (count("limit")?, count("limit_per_metric")?);
    let metric = params.non_empty("metric").map(str::to_owned);
    let source = app.state.stores.tenant(&tenant).metric_source;
    let families = query::run(&app, QueryText::new("metadata", "metadata"), move |_| {
        source.metadata(metric.as_deref())
    })
    .await?;
    Ok(success(metadata_json(&families, limit, limit_per_metric)))
}

fn metadata_json(families: &[MetricMetadata], limit: usize, limit_per_metric: usize) -> BTreeMap<&str, Vec<Value>> {
    let mut by_metric: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for family in families {
        if by_metric.len() >= limit && !by_metric.contains_key(family.metric.as_str()) {
            continue;
        }
        let entries = by_metric.entry(&family.metric).or_default();
        if entries.len() < limit_per_metric {
            entries.push(json!({
                "type": family.metric_type.as_str(),
                "help": family.help,
                "unit": family.unit,
            }));
        }
    }
    by_metric
}

/// A count; negative numbers are no limit.
fn parse_count(text: &str) -> Option<usize> {
    let count: i64 = text.parse().ok()?;
    Some(usize::try_from(count).unwrap_or(usize::MAX))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetsJson<'a> {
    active_targets: Vec<ActiveJson<'a>>,
    dropped_targets: Vec<DroppedJson<'a>>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveJson<'a> {
    discovered_labels: LabelsJson<'a>,
    labels: LabelsJson<'a>,
    scrape_pool: &'a str,
    scrape_url: &'a str,
    global_url: &'a str,
    last_error: &'a str,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedJson<'a> {
    discovered_labels: LabelsJson<'a>,
    scrape_pool: &'a str,
}

fn active_json(active: &ActiveTarget) -> ActiveJson<'_> {
    ActiveJson {
        discovered_labels: LabelsJson(&active.target.discovered_labels),
        labels: LabelsJson(&active.target.labels),
        scrape_pool: &active.scrape_pool,
        scrape_url: &active.target.url,
        global_url: &active.target.url,
        last_error: &active.last_error,
        last_scrape: rfc3339(active.last_scrape_ms),
        last_scrape_duration: active.last_scrape_duration.as_secs_f64(),
        health: active.health.as_str(),
        scrape_interval: duration_text(active.target.interval),
        scrape_timeout: duration_text(active.target.timeout),
    }
}

fn duration_text(duration: Duration) -> String {
    format_duration(duration.as_millis() as i64)
}

fn dropped_json(target: &DroppedTarget) -> DroppedJson<'_> {
    DroppedJson {
        discovered_labels: LabelsJson(&target.discovered_labels),
        scrape_pool: &target.scrape_pool,
    }
}
