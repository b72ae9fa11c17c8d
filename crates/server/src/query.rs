//! Runs a query on the pool: budget, cancellation when the client goes away, counting, slow log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use skopos_core::{BudgetError, Kinded, QueryBudget};
use tracing::{Instrument as _, Span};

use crate::pace::{PaceKey, Paces};
use crate::pool::{Place, PoolError, WorkPool};
use crate::router::App;
use crate::telemetry;

/// The language of queries that read metrics.
pub(crate) const PROMQL: &str = "promql";

/// What is asked, for counting and the slow log.
#[derive(Debug, Clone)]
pub(crate) struct QueryText {
    /// `promql`, `logql` or `traces`.
    pub(crate) language: &'static str,
    /// The query.
    pub(crate) text: String,
    /// A shorter timeout that the client asked for.
    pub(crate) timeout: Option<Duration>,
    /// Set where the query may be evaluated on the thread that received it, if it was short the last time.
    pub(crate) pace: Option<PaceKey>,
    /// What the query did, once it ended; for the slow log.
    pub(crate) done: Arc<OnceLock<QueryDone>>,
}

/// What a PromQL query did.
#[derive(Debug, Clone)]
pub(crate) struct QueryDone {
    /// When it was evaluated, such as `start=1 end=2 step=15` in seconds.
    pub(crate) span: String,
    /// What it read.
    pub(crate) stats: skopos_promql::QueryStats,
    /// Series of the result.
    pub(crate) result_series: usize,
}

impl QueryText {
    /// A query without a timeout of its own.
    pub(crate) fn new(language: &'static str, text: impl Into<String>) -> Self {
        Self {
            language,
            text: text.into(),
            timeout: None,
            pace: None,
            done: Arc::default(),
        }
    }
}

/// Why a query gave no result.
#[derive(Debug)]
pub(crate) enum QueryFailure<E> {
    /// It waited for others until its time was over.
    Waited(BudgetError),
    /// The pool did not run it to its end.
    Pool(PoolError),
    /// The engine or store refused it.
    Engine(E),
}

/// Runs `work` on the query pool within the query's budget. When the returned future is dropped,
/// because the client went away, the budget is cancelled and the work stops at its next check.
pub(crate) async fn run<T, E>(
    app: &App,
    query: QueryText,
    work: impl FnOnce(&QueryBudget) -> Result<T, E> + Send + 'static,
) -> Result<T, QueryFailure<E>>
where
    T: Send + 'static,
    E: Kinded + Send + 'static,
{
    if query.language != PROMQL {
        return run_queued(app, query, Span::none(), work).await;
    }
    app.recent.note(&query.text);
    let span = tracing::debug_span!("promqlExec", query = %query.text, otel.status_code = tracing::field::Empty);
    let evaluated = async {
        let queue = tracing::debug_span!("promqlExecQueue");
        run_queued(app, query, queue, work).await
    };
    let outcome = evaluated.instrument(span.clone()).await;
    if outcome.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    outcome
}

/// Waits for a place, within a span, and runs.
async fn run_queued<T, E>(
    app: &App,
    query: QueryText,
    queue: Span,
    work: impl FnOnce(&QueryBudget) -> Result<T, E> + Send + 'static,
) -> Result<T, QueryFailure<E>>
where
    T: Send + 'static,
    E: Kinded + Send + 'static,
{
    let options = &app.state.options.query;
    let timeout = query
        .timeout
        .map_or(options.timeout, |asked| asked.min(options.timeout));
    let budget = Arc::new(QueryBudget::new(options.max_samples, Some(timeout)));
    let _cancel = CancelOnDrop(budget.cancel_flag());
    let started = Instant::now();
    let worker_budget = Arc::clone(&budget);
    let outcome = match tokio::time::timeout(timeout, app.queries.place())
        .instrument(queue)
        .await
    {
        Ok(Ok(place)) => match run_at((&app.queries, &app.paces), query.pace, place, move || {
            work(&worker_budget)
        })
        .await
        {
            Ok(result) => result.map_err(QueryFailure::Engine),
            Err(error) => Err(QueryFailure::Pool(error)),
        },
        Ok(Err(error)) => Err(QueryFailure::Pool(error)),
        Err(_) => Err(QueryFailure::Waited(BudgetError::Timeout { stage: "query queue" })),
    };
    observe(&query, started.elapsed(), &budget, outcome.is_ok(), options.slow_after);
    outcome
}

/// Runs the work on the pool, or here and now where it was short the last time.
async fn run_at<T: Send + 'static>(
    (pool, paces): (&WorkPool, &Paces),
    pace: Option<PaceKey>,
    place: Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    let Some(pace) = pace else {
        return pool.run_at(place, work).await;
    };
    let timed = move || {
        let started = Instant::now();
        (work(), started.elapsed())
    };
    let (result, took) = if paces.is_short(pace, Instant::now()) {
        telemetry::QUERIES_IN_PLACE.inc();
        pool.run_here(place, timed)?
    } else {
        pool.run_at(place, timed).await?
    };
    paces.note(pace, took, Instant::now());
    Ok(result)
}

fn observe(query: &QueryText, took: Duration, budget: &QueryBudget, succeeded: bool, slow_after: Duration) {
    let outcome = if succeeded { "success" } else { "error" };
    telemetry::QUERIES.with_label_values(&[query.language, outcome]).inc();
    telemetry::QUERY_DURATION
        .with_label_values(&[query.language])
        .observe(took.as_secs_f64());
    if took < slow_after {
        return;
    }
    let done = query.done.get();
    tracing::warn!(
        language = query.language,
        query = %query.text,
        duration_ms = took.as_millis() as u64,
        peak_samples = budget.peak_samples(),
        parts = budget.parts(),
        part_bytes = budget.part_bytes(),
        span = done.map(|done| done.span.as_str()),
        series = done.map(|done| done.stats.series),
        samples = done.map(|done| done.stats.read_samples),
        queryable_samples = done.map(|done| done.stats.queryable_samples),
        result_series = done.map(|done| done.result_series),
        outcome,
        "slow query"
    );
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::pool::PoolSize;

    #[tokio::test]
    async fn what_was_short_is_evaluated_where_it_was_received() {
        let size = PoolSize {
            threads: 1,
            concurrency: 1,
        };
        let pool = WorkPool::new("test", size).expect("threads start");
        let (paces, key) = (Paces::default(), PaceKey::new("default", "up", 1, 0));
        let own = thread::current().id();
        let thread_of = async |pace| {
            let place = pool.place().await.expect("nobody waits");
            let work = || thread::current().id();
            run_at((&pool, &paces), pace, place, work)
                .await
                .expect("it does not panic")
        };
        assert_ne!(thread_of(Some(key)).await, own, "nothing is known of it");
        paces.note(key, Duration::ZERO, Instant::now());
        assert_eq!(thread_of(Some(key)).await, own);
        assert_ne!(thread_of(None).await, own, "it may not be evaluated here");
        paces.note(key, Duration::from_secs(1), Instant::now());
        assert_ne!(thread_of(Some(key)).await, own, "it was long the last time");
    }
}
