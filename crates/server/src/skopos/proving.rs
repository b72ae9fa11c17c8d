//! `/api/skopos/prove`, `dead`, `backtest` and `coverage`: what rules can be held against. All of it is work for the
//! query pool.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use skopos_core::{ErrorKind, Kinded, TenantId, TimeRange};
use skopos_prove::backtest::{
    BacktestError, BacktestInput, BacktestOptions, BacktestReport, KnownIncident, NightHours, Sweep, backtest,
};
use skopos_prove::coverage::{CoverageInput, RuleKey, coverage};
use skopos_prove::dead::{DeadInput, DeadOptions, DeadReport, dead_report};
use skopos_prove::{RuleReport, Verdict};
use skopos_rules::{RuleFile, parse_rule_file_with};

use crate::prometheus::envelope::ApiError;
use crate::query::{QueryFailure, QueryText, run};
use crate::router::{App, Shared};
use crate::tenant::Tenant;
use crate::text;
use crate::views::Proof;

/// How long a report on dead selectors is given again.
const DEAD_REPORT_MS: i64 = 60_000;
/// Name of rules that came with the request.
const REQUEST_FILE: &str = "request";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/skopos/prove", get(last_proof).post(prove))
        .route("/api/skopos/dead", get(dead))
        .route("/api/skopos/backtest", post(run_backtest))
        .route("/api/skopos/coverage", get(show_coverage))
}

async fn last_proof(State(app): State<Shared>) -> Response {
    proof_answer(app.state.proving.last_proof().as_deref())
}

async fn prove(State(app): State<Shared>) -> Result<Response, ApiError> {
    let worker = Arc::clone(&app);
    let proof = app.queries.run(move || worker.state.proving.prove()).await?;
    Ok(proof_answer(Some(&proof)))
}

fn proof_answer(proof: Option<&Proof>) -> Response {
    text::json(StatusCode::OK, &json!({ "report": proof }))
}

/// The last report on dead selectors of each tenant.
#[derive(Debug, Default)]
pub(crate) struct DeadCache {
    reports: Mutex<BTreeMap<TenantId, Cached>>,
}

#[derive(Debug, Clone)]
struct Cached {
    /// When the configuration was loaded that it is about.
    loaded_at_ms: i64,
    report: Arc<DeadReport>,
}

impl DeadCache {
    fn get(&self, tenant: &TenantId, loaded_at_ms: i64, now_ms: i64) -> Option<Arc<DeadReport>> {
        let reports = self.reports.lock();
        let cached = reports.get(tenant)?;
        let is_fresh = now_ms - cached.report.at_ms < DEAD_REPORT_MS && cached.loaded_at_ms == loaded_at_ms;
        is_fresh.then(|| Arc::clone(&cached.report))
    }

    fn put(&self, tenant: TenantId, loaded_at_ms: i64, report: &Arc<DeadReport>) {
        let mut reports = self.reports.lock();
        reports.retain(|_, cached| report.at_ms - cached.report.at_ms < DEAD_REPORT_MS);
        let report = Arc::clone(report);
        reports.insert(tenant, Cached { loaded_at_ms, report });
    }
}

async fn dead(State(app): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, ApiError> {
    let now_ms = app.state.clock.now_ms();
    let loaded_at_ms = app.state.reloader.last_reload().loaded_at_ms;
    if let Some(report) = app.dead.get(&tenant, loaded_at_ms, now_ms) {
        return Ok(text::json(StatusCode::OK, &*report));
    }
    let (worker, owner) = (Arc::clone(&app), tenant.clone());
    let report = run(&app, QueryText::new("dead", "dead selectors"), move |budget| {
        let state = &worker.state;
        let stores = state.stores.tenant(&owner);
        let rules = state.proving.rules();
        let input = DeadInput {
            rules: &rules.files,
            dashboards: &state.dashboards.dashboards(),
            recent_queries: &worker.recent.list(),
            source: stores.metric_source.as_ref(),
            now_ms,
        };
        let options = DeadOptions {
            lookback_ms: state.promql.options().lookback_ms,
            syntax: state.promql.options().syntax,
            ..DeadOptions::default()
        };
        dead_report(&input, &options, budget)
    });
    let report = Arc::new(report.await?);
    app.dead.put(tenant, loaded_at_ms, &report);
    Ok(text::json(StatusCode::OK, &*report))
}

/// What `POST /api/skopos/backtest` takes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BacktestRequest {
    /// Rules to test; the loaded ones where there are none.
    #[serde(default)]
    rules: Option<String>,
    /// Only the alerting rules of this name.
    #[serde(default)]
    rule: Option<String>,
    from_ms: i64,
    to_ms: i64,
    #[serde(default)]
    step_ms: Option<i64>,
    #[serde(default)]
    sweep: Option<SweepRequest>,
    #[serde(default)]
    night: Option<NightHours>,
    /// Incidents besides those on record.
    #[serde(default)]
    incidents: Vec<KnownIncident>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SweepRequest {
    #[serde(default)]
    values: Vec<f64>,
    #[serde(default)]
    for_ms: Vec<i64>,
}

async fn run_backtest(State(app): State<Shared>, Tenant(tenant): Tenant, body: Bytes) -> Result<Response, ApiError> {
    let request: BacktestRequest = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_data(format!("the request is no backtest: {error}")))?;
    let files = match &request.rules {
        Some(text) => {
            let parsed = parse_rule_file_with(text, REQUEST_FILE, app.state.promql.options().syntax);
            Some(vec![parsed.map_err(ApiError::bad_data_of)?])
        }
        None => None,
    };
    let worker = Arc::clone(&app);
    let what = request.rule.clone().unwrap_or_else(|| "all rules".to_owned());
    let report = run(&app, QueryText::new("backtest", what), move |budget| {
        backtest_on(&worker, &tenant, files.as_deref(), request, budget)
    });
    match report.await {
        Ok(report) => Ok(text::json(StatusCode::OK, &report)),
        Err(QueryFailure::Engine(error)) if error.kind() == ErrorKind::BadRequest => Err(ApiError::bad_data_of(error)),
        Err(failure) => Err(failure.into()),
    }
}

fn backtest_on(
    app: &App,
    tenant: &TenantId,
    files: Option<&[RuleFile]>,
    request: BacktestRequest,
    budget: &skopos_core::QueryBudget,
) -> Result<BacktestReport, BacktestError> {
    let loaded = app.state.proving.rules();
    let stores = app.state.stores.tenant(tenant);
    let range = TimeRange::new(request.from_ms, request.to_ms);
    let mut incidents = app.state.proving.incidents(range);
    incidents.extend(request.incidents);
    let sweep = request.sweep.unwrap_or_default();
    let options = BacktestOptions {
        step_ms: request.step_ms,
        interval_ms: loaded.interval_ms,
        query_offset_ms: loaded.query_offset_ms,
        external_labels: loaded.external_labels.clone(),
        external_url: loaded.external_url.clone(),
        night: request.night.unwrap_or_default(),
        sweep: Sweep {
            thresholds: sweep.values,
            for_ms: sweep.for_ms,
        },
        ..BacktestOptions::new(request.from_ms, request.to_ms)
    };
    let input = BacktestInput {
        rules: files.unwrap_or(&loaded.files),
        only: request.rule.as_deref(),
        source: stores.metric_source.as_ref(),
        engine: &app.state.promql,
        incidents: &incidents,
    };
    backtest(&input, &options, budget, &mut |_| {})
}

async fn show_coverage(State(app): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, ApiError> {
    let worker = Arc::clone(&app);
    let report = run(&app, QueryText::new("coverage", "coverage"), move |budget| {
        let state = &worker.state;
        let stores = state.stores.tenant(&tenant);
        let rules = state.proving.rules();
        let proof = state.proving.last_proof();
        let proven = proof.iter().flat_map(|proof| &proof.report.rules);
        let verdicts: HashMap<RuleKey<'_>, Verdict> = proven.map(|rule| (key(rule), rule.verdict)).collect();
        let input = CoverageInput {
            rules: &rules.files,
            source: stores.metric_source.as_ref(),
            now_ms: state.clock.now_ms(),
            receivers: &|labels| state.proving.receivers(labels),
            verdict: &|key| verdicts.get(key).copied(),
            syntax: state.promql.options().syntax,
        };
        coverage(&input, budget)
    });
    Ok(text::json(StatusCode::OK, &report.await?))
}

fn key(rule: &RuleReport) -> RuleKey<'_> {
    RuleKey {
        file: &rule.file,
        group: &rule.group,
        name: &rule.name,
        line: rule.line,
    }
}
