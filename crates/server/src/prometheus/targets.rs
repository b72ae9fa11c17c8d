//! `/api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/scrape_pools`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use skopos_core::{Labels, Matcher, TimeRange};

use super::envelope::{ApiError, success};
use super::labels::LabelsJson;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::time::rfc3339;
use crate::views::{DroppedTarget, RuleHealth, TargetStatus};

/// The targets and how their last scrape went.
pub(crate) async fn targets(State(app): State<Shared>, params: Params) -> Response {
    let pool = params.non_empty("scrapePool");
    let state = params.get("state").to_ascii_lowercase();
    let in_pool = |name: &str| pool.is_none_or(|pool| pool == name);
    let mut active = app.state.targets.active();
    active.retain(|target| state != "dropped" && in_pool(&target.scrape_pool));
    let mut dropped = app.state.targets.dropped();
    let mut counts: BTreeMap<String, u64> = app.state.targets.pools().into_iter().map(|pool| (pool, 0)).collect();
    for target in &dropped {
        *counts.entry(target.scrape_pool.clone()).or_insert(0) += 1;
    }
    dropped.retain(|target| state != "active" && in_pool(&target.scrape_pool));
    success(TargetsJson {
        active_targets: active.iter().map(active_json).collect(),
        dropped_targets: dropped.iter().map(dropped_json).collect(),
        dropped_target_counts: counts,
    })
}

/// Names of the scrape pools.
pub(crate) async fn pools(State(app): State<Shared>) -> Response {
    success(json!({ "scrapePools": app.state.targets.pools() }))
}

/// Metadata of the metrics that targets expose.
pub(crate) async fn metadata(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = match params.non_empty("limit") {
        None => usize::MAX,
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| ApiError::bad_data("limit must be a number"))?
            .max(0) as usize,
    };
    let metric = params.non_empty("metric").map(str::to_owned);
    let targets: Vec<Labels> = app
        .state
        .targets
        .active()
        .into_iter()
        .map(|target| target.labels)
        .collect();
    let source = app.state.stores.tenant(&tenant).metric_source;
    let now_ms = app.state.clock.now_ms();
    let rows = query::run(&app, QueryText::new("metadata", "targets/metadata"), move |_| {
        let known = source.metadata(metric.as_deref())?;
        let mut rows = Vec::new();
        for labels in &targets {
            let names = exposed_names(&*source, labels, now_ms)?;
            for family in known.iter().filter(|family| exposes(&names, &family.metric)) {
                rows.push((labels.clone(), family.clone()));
            }
        }
        Ok::<_, skopos_core::ReadError>(rows)
    })
    .await?;
    let shown: Vec<_> = rows
        .iter()
        .take(limit)
        .map(|(labels, family)| {
            json!({
                "target": LabelsJson(labels),
                "metric": family.metric,
                "type": family.metric_type.as_str(),
                "help": family.help,
                "unit": family.unit,
            })
        })
        .collect();
    Ok(success(shown))
}

/// How far back a target's series are looked for.
const EXPOSED_WITHIN_MS: i64 = 5 * 60_000;

fn exposed_names(
    source: &dyn skopos_core::metric::MetricSource,
    target: &Labels,
    now_ms: i64,
) -> Result<Vec<String>, skopos_core::ReadError> {
    let matchers: Vec<Matcher> = ["job", "instance"]
        .iter()
        .map(|name| Matcher::equal(*name, target.get(name)))
        .collect();
    let range = TimeRange::new(now_ms - EXPOSED_WITHIN_MS, now_ms);
    source.label_values(skopos_core::labels::METRIC_NAME, &matchers, range)
}

/// Whether a family's series are among the names: its own or one of a histogram or summary.
fn exposes(names: &[String], family: &str) -> bool {
    ["", "_total", "_bucket", "_count", "_sum", "_info"]
        .iter()
        .any(|suffix| {
            names
                .binary_search_by(|name| compare_joined(name, family, suffix))
                .is_ok()
        })
}

fn compare_joined(name: &str, family: &str, suffix: &str) -> std::cmp::Ordering {
    name.bytes().cmp(family.bytes().chain(suffix.bytes()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetsJson<'a> {
    active_targets: Vec<ActiveJson<'a>>,
    dropped_targets: Vec<DroppedJson<'a>>,
    dropped_target_counts: BTreeMap<String, u64>,
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
    scrape_interval: &'a str,
    scrape_timeout: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedJson<'a> {
    discovered_labels: LabelsJson<'a>,
    scrape_pool: &'a str,
}

fn active_json(target: &TargetStatus) -> ActiveJson<'_> {
    let (health, last_error) = match &target.health {
        RuleHealth::Unknown => ("unknown", ""),
        RuleHealth::Ok => ("up", ""),
        RuleHealth::Error(text) => ("down", text.as_str()),
    };
    ActiveJson {
        discovered_labels: LabelsJson(&target.discovered_labels),
        labels: LabelsJson(&target.labels),
        scrape_pool: &target.scrape_pool,
        scrape_url: &target.scrape_url,
        global_url: &target.global_url,
        last_error,
        last_scrape: rfc3339(target.last_scrape_ms),
        last_scrape_duration: target.last_scrape_seconds,
        health,
        scrape_interval: &target.scrape_interval,
        scrape_timeout: &target.scrape_timeout,
    }
}

fn dropped_json(target: &DroppedTarget) -> DroppedJson<'_> {
    DroppedJson {
        discovered_labels: LabelsJson(&target.discovered_labels),
        scrape_pool: &target.scrape_pool,
    }
}
