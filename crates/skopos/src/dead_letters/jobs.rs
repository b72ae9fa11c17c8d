//! Replays and discards that go on: one at a time, each with a trace of its own, and the last ones kept to be asked about.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TraceContextExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use skopos_bus::dead_letters::{Action, Filter, Order, Outcome, Pace, Progress};
use skopos_bus::{BusError, DeadLetters};
use skopos_server::{DeadLettersError, LetterWork, RUNNING};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::choice::MAX_TAKEN;

/// Jobs that are kept.
const MAX_KEPT: usize = 50;
/// Failures of a job that are named; the rest is counted.
const MAX_NAMED: usize = 100;

/// The jobs of a desk. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    last_id: u64,
    /// The newest last; only that one can be running.
    jobs: VecDeque<Job>,
    /// Whether the process is about to end.
    is_closed: bool,
}

#[derive(Debug)]
struct Job {
    id: u64,
    order: Order,
    /// The letters as they were asked for.
    asked: Value,
    limit: usize,
    trace_id: Option<String>,
    started: jiff::Timestamp,
    ended: Option<jiff::Timestamp>,
    progress: Progress,
    failures: Vec<Value>,
    error: Option<String>,
    stop: CancellationToken,
    /// Cancelled when the job has ended.
    end: CancellationToken,
}

impl Jobs {
    /// Starts a job, waits a little for its end, and says how far it is.
    pub(super) async fn start(
        &self,
        letters: DeadLetters,
        filter: Filter,
        order: Order,
        work: &LetterWork,
        patience: Duration,
    ) -> Result<Value, DeadLettersError> {
        let asked = match &work.filter {
            Some(filter) => json!({ "filter": filter }),
            None => json!({ "ids": work.ids }),
        };
        let span = span(&order);
        let (id, stop, end) = self.enter(&order, asked, filter.limit, &span)?;
        let jobs = self.clone();
        let told = self.clone();
        let work = async move {
            let tell = |progress| told.tell(id, progress);
            letters.carry_out(&filter, &order, &stop, tell).await
        };
        let work = tokio::spawn(work.instrument(span));
        tokio::spawn(async move {
            let outcome = match work.await {
                Ok(outcome) => outcome,
                Err(error) => Err(BusError::DeadLetters(error.to_string())),
            };
            jobs.end(id, outcome);
        });
        // Where it does not end in time, its progress is the answer.
        drop(tokio::time::timeout(patience, end.cancelled()).await);
        self.show(id)
    }

    fn enter(
        &self,
        order: &Order,
        asked: Value,
        limit: usize,
        span: &Span,
    ) -> Result<(u64, CancellationToken, CancellationToken), DeadLettersError> {
        let mut book = self.0.lock();
        if book.is_closed {
            return Err(DeadLettersError::Busy(
                "the server is stopping: ask again when it is back".to_owned(),
            ));
        }
        if let Some(running) = book.jobs.back().filter(|job| job.ended.is_none()) {
            return Err(DeadLettersError::Busy(format!(
                "job {} is under way, and one runs at a time: wait for its end, or end it with DELETE /api/skopos/dlq/jobs/{}",
                running.id, running.id
            )));
        }
        let context = span.context();
        let trace = context.span().span_context().trace_id();
        book.last_id += 1;
        let job = Job {
            id: book.last_id,
            order: order.clone(),
            asked,
            limit,
            trace_id: (trace != opentelemetry::TraceId::INVALID).then(|| trace.to_string()),
            started: jiff::Timestamp::now(),
            ended: None,
            progress: Progress::default(),
            failures: Vec::new(),
            error: None,
            stop: CancellationToken::new(),
            end: CancellationToken::new(),
        };
        let entered = (job.id, job.stop.clone(), job.end.clone());
        book.jobs.push_back(job);
        if book.jobs.len() > MAX_KEPT {
            book.jobs.pop_front();
        }
        Ok(entered)
    }

    fn tell(&self, id: u64, progress: Progress) {
        if let Some(job) = self.0.lock().find(id) {
            job.progress = progress;
        }
    }

    fn end(&self, id: u64, outcome: Result<Outcome, BusError>) {
        let mut book = self.0.lock();
        let Some(job) = book.find(id) else { return };
        match outcome {
            Ok(outcome) => {
                let named = outcome.failed.iter().take(MAX_NAMED);
                job.failures = named.map(|(id, error)| json!({ "id": id, "error": error })).collect();
            }
            Err(error) => job.error = Some(format!("{:#}", anyhow::Error::new(error))),
        }
        job.ended = Some(jiff::Timestamp::now());
        let Progress { total, done, failed } = job.progress;
        let (state, error) = (job.state(), job.error.clone());
        let action = job.order.action.name();
        tracing::info!(
            job = id,
            action,
            state,
            total,
            done,
            failed,
            error,
            "dead letters were worked through"
        );
        job.end.cancel();
    }

    /// All that are kept, the newest first.
    pub(super) fn all(&self) -> Value {
        let book = self.0.lock();
        let jobs: Vec<Value> = book.jobs.iter().rev().map(Job::json).collect();
        json!({ "jobs": jobs })
    }

    /// One of them.
    pub(super) fn show(&self, id: u64) -> Result<Value, DeadLettersError> {
        self.0.lock().find(id).map(|job| job.json()).ok_or_else(|| unknown(id))
    }

    /// Ends a job between two letters; one that has ended stays as it is.
    pub(super) async fn cancel(&self, id: u64, patience: Duration) -> Result<Value, DeadLettersError> {
        let end = self.0.lock().find(id).map(|job| {
            job.stop.cancel();
            job.end.clone()
        });
        let end = end.ok_or_else(|| unknown(id))?;
        drop(tokio::time::timeout(patience, end.cancelled()).await);
        self.show(id)
    }

    /// Ends what runs, and returns when it has ended. No job starts after it.
    pub(super) async fn close(&self) {
        let end = {
            let mut book = self.0.lock();
            book.is_closed = true;
            book.jobs.back().map(|job| {
                job.stop.cancel();
                job.end.clone()
            })
        };
        if let Some(end) = end {
            end.cancelled().await;
        }
    }
}

impl Book {
    fn find(&mut self, id: u64) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }
}

impl Job {
    fn state(&self) -> &'static str {
        let left = self.progress.total - self.progress.done - self.progress.failed;
        match (self.ended, &self.error) {
            (None, _) => RUNNING,
            (Some(_), Some(_)) => "failed",
            (Some(_), None) if left > 0 => "cancelled",
            (Some(_), None) => "done",
        }
    }

    fn json(&self) -> Value {
        let Progress { total, done, failed } = self.progress;
        let rate = match self.order.pace {
            Pace::Full => None,
            Pace::PerSecond(rate) => Some(rate),
        };
        json!({
            "id": self.id,
            "action": match self.order.action { Action::Replayed => "replay", Action::Discarded => "discard" },
            "state": self.state(),
            "letters": self.asked,
            "by": self.order.by,
            "reason": self.order.reason,
            "rate_per_second": rate,
            "started": self.started.to_string(),
            "ended": self.ended.map(|at| at.to_string()),
            "total": total,
            "done": done,
            "failed": failed,
            "failures": self.failures,
            // More than a job takes may have matched.
            "may_be_more": total == self.limit && total == MAX_TAKEN,
            "error": self.error,
            "trace_id": self.trace_id,
        })
    }
}

fn unknown(id: u64) -> DeadLettersError {
    DeadLettersError::NotFound(format!(
        "there is no job {id}: the last {MAX_KEPT} since the start are kept; GET /api/skopos/dlq/jobs lists them"
    ))
}

/// The root of a job's trace; the letters' own traces are linked to it.
fn span(order: &Order) -> Span {
    let action = match order.action {
        Action::Replayed => "replay",
        Action::Discarded => "discard",
    };
    tracing::info_span!(
        parent: None,
        "dlq.job",
        otel.name = format!("{action} dead letters"),
        dlq.action = action,
        dlq.by = order.by,
        dlq.reason = order.reason,
    )
}
