//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use skopos_core::metric::{MetricSource, SourceResolution};
use skopos_core::{QueryBudget, TenantId};
use skopos_promql::{Engine, EvalError, Feature, QueryOutput};

use super::arguments;
use super::encode::{Extras, query_body};
use super::envelope::ApiError;
use crate::pace::PaceKey;
use crate::params::Params;
use crate::query::{self, PROMQL, QueryDone, QueryFailure, QueryText};
use crate::query_log::{HttpOrigin, LoggedQuery, Origin};
use crate::query_stats::stats_json;
use crate::router::{App, Shared};
use crate::tenant::Tenant;
use crate::text;

/// Most points per series of a range query.
const MAX_POINTS: i64 = 11_000;

/// What both kinds of queries share.
struct Request {
    query: String,
    text: QueryText,
    lookback_ms: Option<i64>,
    resolution: Option<SourceResolution>,
    limit: usize,
    stats: Stats,
}

/// What is told of a query beside its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stats {
    Nothing,
    Totals,
    /// `stats=all`: for each step too, where the feature is on.
    Steps,
}

/// When a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Span {
    At { time_ms: i64 },
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

impl Span {
    pub(crate) fn evaluate(
        self,
        engine: &Engine,
        source: &dyn MetricSource,
        query: &str,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        match self {
            Self::At { time_ms } => engine.instant(source, query, time_ms, budget),
            Self::Range {
                start_ms,
                end_ms,
                step_ms,
            } => engine.range(source, query, start_ms, end_ms, step_ms, budget),
        }
    }

    /// What tells the query from others that take another time.
    fn pace(self, tenant: &TenantId, query: &str) -> PaceKey {
        let (steps, step_ms) = match self {
            Self::At { .. } => (1, 0),
            Self::Range {
                start_ms,
                end_ms,
                step_ms,
            } => ((end_ms - start_ms) / step_ms, step_ms),
        };
        PaceKey::new(tenant.as_str(), query, steps, step_ms)
    }

    /// Start, end and step in seconds, as Prometheus' query log has them; the step of an instant is 0.
    fn seconds(self) -> [f64; 3] {
        let [start, end, step] = match self {
            Self::At { time_ms } => [time_ms, time_ms, 0],
            Self::Range {
                start_ms,
                end_ms,
                step_ms,
            } => [start_ms, end_ms, step_ms],
        };
        [start, end, step].map(|ms| ms as f64 / 1000.0)
    }
}

/// `time`, or `start`, `end` and `step` where there is a `start`.
pub(crate) fn read_span(params: &Params, now_ms: i64) -> Result<Span, ApiError> {
    if params.non_empty("start").is_some() {
        return read_range(params);
    }
    let time_ms = arguments::time_ms_or(params, "time", now_ms)?;
    Ok(Span::At { time_ms })
}

/// Evaluates a query at one time.
pub(crate) async fn instant(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    origin: HttpOrigin,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = arguments::limit(&params)?;
    let time_ms = arguments::time_ms_or(&params, "time", app.state.clock.now_ms())?;
    let request = Request::read(&params, limit)?;
    evaluate(&app, &tenant, origin, request, Span::At { time_ms }).await
}

/// Evaluates a query at each step of a range.
pub(crate) async fn range(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    origin: HttpOrigin,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = arguments::limit(&params)?;
    let span = read_range(&params)?;
    let request = Request::read(&params, limit)?;
    evaluate(&app, &tenant, origin, request, span).await
}

impl Request {
    fn read(params: &Params, limit: usize) -> Result<Self, ApiError> {
        let timeout = arguments::timeout(params)?;
        let lookback_ms = arguments::lookback_ms(params)?;
        let resolution = arguments::source_resolution(params)?;
        let query = params.get("query").to_owned();
        if query.is_empty() {
            // A text without characters has no position.
            let reason = "unknown position: parse error: no expression found in input";
            return Err(ApiError::parameter("query", reason));
        }
        Ok(Self {
            text: QueryText {
                timeout,
                ..QueryText::new(PROMQL, query.clone())
            },
            query,
            lookback_ms,
            resolution,
            limit,
            stats: match params.get("stats") {
                "" => Stats::Nothing,
                "all" => Stats::Steps,
                _ => Stats::Totals,
            },
        })
    }
}

fn read_range(params: &Params) -> Result<Span, ApiError> {
    let start_ms = arguments::time_ms(params, "start")?;
    let end_ms = arguments::time_ms(params, "end")?;
    if end_ms < start_ms {
        let reason = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", reason));
    }
    let step_ms = arguments::duration_ms(params.get("step")).map_err(|reason| ApiError::parameter("step", reason))?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    if end_ms.saturating_sub(start_ms) / step_ms > MAX_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution \
             (?step=XX)",
        ));
    }
    Ok(Span::Range {
        start_ms,
        end_ms,
        step_ms,
    })
}

async fn evaluate(
    app: &App,
    tenant: &TenantId,
    origin: HttpOrigin,
    request: Request,
    span: Span,
) -> Result<Response, ApiError> {
    let source = app.state.stores.tenant(tenant).metric_source;
    let mut engine = match request.lookback_ms {
        Some(lookback_ms) => app.state.promql.with_lookback(lookback_ms),
        None => app.state.promql.clone(),
    };
    if let Some(resolution) = request.resolution {
        engine = engine.with_source_resolution(resolution);
    }
    if request.stats != Stats::Steps {
        engine = engine.with_per_step_stats(Feature::Disabled);
    }
    let Request {
        query,
        mut text,
        limit,
        stats,
        ..
    } = request;
    if !source.asks_others() {
        text.pace = Some(span.pace(tenant, &query));
    }
    let received = Instant::now();
    let (log, clock) = (Arc::clone(&app.state.query_log), Arc::clone(&app.state.clock));
    let done = Arc::clone(&text.done);
    let body = query::run(app, text, move |budget| {
        let started = Instant::now();
        let outcome = span.evaluate(&engine, &*source, &query, budget);
        let is_logged = log.is_on();
        let told = (is_logged || stats != Stats::Nothing).then(|| {
            let output = outcome.as_ref();
            output.map(|output| stats_json(output, budget, received, started))
        });
        if is_logged && let Some(told) = &told {
            log.write(&LoggedQuery {
                query: &query,
                seconds: span.seconds(),
                outcome: told.as_ref().map_err(|error| *error as _),
                now_ms: clock.now_ms(),
                origin: Origin::Http(&origin),
            });
        }
        let told = told.and_then(Result::ok);
        let output = outcome?;
        let [start, end, step] = span.seconds();
        done.get_or_init(|| QueryDone {
            span: format!("start={start} end={end} step={step}"),
            stats: output.stats.clone(),
            result_series: series_of(&output),
        });
        let stats = told.filter(|_| stats != Stats::Nothing).map(|told| told.to_string());
        Ok(query_body(output, &Extras { limit, stats }))
    })
    .await
    .map_err(failure)?;
    Ok(text::with_type(StatusCode::OK, text::JSON, body))
}

/// Faults of the query's text are faults of the parameter; all others keep their kind.
pub(crate) fn failure(failure: QueryFailure<EvalError>) -> ApiError {
    match failure {
        QueryFailure::Engine(error @ (EvalError::Parse(_) | EvalError::NotRangeable(_))) => {
            ApiError::parameter("query", error)
        }
        QueryFailure::Engine(EvalError::BadRange(reason)) => ApiError::bad_data(reason),
        other => ApiError::from(other),
    }
}

/// Series of the result.
pub(crate) fn series_of(output: &QueryOutput) -> usize {
    match &output.value {
        skopos_promql::Value::Vector(samples) => samples.len(),
        skopos_promql::Value::Matrix(series) => series.len(),
        skopos_promql::Value::Scalar { .. } | skopos_promql::Value::String { .. } => 0,
    }
}
