//! The guard of one operation: its span, its duration, and how it ended.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opentelemetry::KeyValue;
use tracing::{Instrument, Span};

use super::error_type::ErrorType;
use super::instruments::Instruments;

tokio::task_local! {
    /// What has failed inside the task that runs.
    static CURRENT_TASK: Arc<Mutex<Vec<Failure>>>;
}

/// Failures of operations inside a task that are remembered; later ones push out the oldest.
const MAX_REMEMBERED: usize = 16;

/// What an operation belongs to; the word begins its error types where they count for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Task,
    Llm,
    Marketplace,
    Payment,
    Rag,
    Arena,
}

impl Area {
    fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Llm => "llm",
            Self::Marketplace => "marketplace",
            Self::Payment => "payment",
            Self::Rag => "rag",
            Self::Arena => "arena",
        }
    }
}

#[derive(Debug, Clone)]
struct Failure {
    error_type: Cow<'static, str>,
    message: String,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<&'static str>,
    failure: Option<Failure>,
    running: bool,
    end: Option<End>,
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) seconds: f64,
    /// `cancelled` where its future was dropped.
    pub(super) error_type: Option<Cow<'static, str>>,
}

/// An operation under way; it ends with [`run`](Operation::run), or when dropped.
#[derive(Debug)]
#[must_use = "the operation ends when its guard is dropped"]
pub struct Operation {
    area: Area,
    span: Span,
    labels: Vec<KeyValue>,
    instruments: Arc<Instruments>,
    started: Instant,
    inside: Arc<Mutex<Vec<Failure>>>,
    state: Mutex<State>,
}

impl Operation {
    pub(super) fn start(area: Area, span: Span, labels: Vec<KeyValue>, instruments: Arc<Instruments>) -> Self {
        Self {
            area,
            span,
            labels,
            instruments,
            started: Instant::now(),
            inside: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// The span, to enter or to add attributes to.
    pub fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// Runs a future as this operation and ends it. Dropped before its end, it counts as cancelled.
    pub async fn run<T, E: ErrorType>(&self, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.state().running = true;
        let future = future.instrument(self.span.clone());
        let result = if self.area == Area::Task {
            CURRENT_TASK.scope(Arc::clone(&self.inside), future).await
        } else {
            future.await
        };
        self.settle(&result);
        result
    }

    /// Runs plain code as this operation and ends it.
    pub fn run_sync<T, E: ErrorType>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let call = || self.span.in_scope(call);
        let result = if self.area == Area::Task {
            CURRENT_TASK.sync_scope(Arc::clone(&self.inside), call)
        } else {
            call()
        };
        self.settle(&result);
        result
    }

    fn settle<T, E: ErrorType>(&self, result: &Result<T, E>) {
        self.state().running = false;
        if let Err(error) = result {
            self.fail(error);
        }
        self.finish();
    }

    /// Marks the operation as failed; the first error counts.
    pub fn fail(&self, error: &impl ErrorType) {
        self.fail_as(error.error_type(), error.error_message());
    }

    /// As [`Operation::fail`], for an error that has no type of its own.
    pub fn fail_as(&self, error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        let mut state = self.state();
        if state.failure.is_none() {
            state.failure = Some(Failure {
                error_type: error_type.into(),
                message: message.into(),
            });
        }
    }

    /// Says how a payment or a competition ended, where `success` and `error` do not say enough: `declined`, `draw`, …
    pub fn outcome(&self, outcome: &'static str) {
        self.state().outcome = Some(outcome);
    }

    /// Ends the operation now; dropping it later does nothing more.
    pub fn finish(&self) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        if std::thread::panicking() && state.failure.is_none() {
            state.failure = Some(Failure {
                error_type: "panic".into(),
                message: "panicked".to_owned(),
            });
        }
        let status = match (&state.failure, state.running) {
            (Some(_), _) => "error",
            (None, true) => "cancelled",
            (None, false) => "success",
        };
        let outcome = state.outcome.unwrap_or(status);
        let failure = state.failure.take();
        let seconds = self.started.elapsed().as_secs_f64();
        let cancelled = (status == "cancelled").then_some(Cow::Borrowed(status));
        state.end = Some(End {
            seconds,
            error_type: failure.as_ref().map(|failure| failure.error_type.clone()).or(cancelled),
        });
        drop(state);
        self.measure(status, outcome, seconds);
        if let Some(failure) = failure {
            self.mark(&failure);
            self.count(failure);
        }
    }

    /// How it ended, once it has.
    pub(super) fn end(&self) -> Option<End> {
        self.state().end.clone()
    }

    fn measure(&self, status: &'static str, outcome: &'static str, seconds: f64) {
        let instruments = &self.instruments;
        let mut labels = self.labels.clone();
        let histogram = match self.area {
            Area::Task => {
                if status == "success" {
                    instruments.task_completions.add(1, &labels);
                }
                self.span.record("task.status", status);
                labels.push(KeyValue::new("status", status));
                &instruments.task_time
            }
            Area::Llm => &instruments.llm_duration,
            Area::Marketplace => &instruments.scan_duration,
            Area::Payment => {
                self.span.record("payment.outcome", outcome);
                labels.push(KeyValue::new("outcome", outcome));
                &instruments.payment_duration
            }
            Area::Rag => &instruments.rag_duration,
            Area::Arena => {
                self.span.record("arena.outcome", outcome);
                labels.push(KeyValue::new("outcome", outcome));
                &instruments.arena_duration
            }
        };
        histogram.record(seconds * 1000.0, &labels);
    }

    fn mark(&self, failure: &Failure) {
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", &*failure.error_type);
        self.span.record("error.message", failure.message.as_str());
        let _entered = self.span.enter();
        tracing::warn!(
            area = self.area.as_str(),
            error.type = &*failure.error_type,
            error.message = failure.message.as_str(),
            "operation failed"
        );
    }

    /// A task counts once, under the type of the operation inside it that brought the error; an operation outside of any
    /// task counts under its own area.
    fn count(&self, failure: Failure) {
        if self.area == Area::Task {
            let task_type = self
                .labels
                .first()
                .map(|label| label.value.as_str())
                .unwrap_or_default();
            let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
            let cause = inside
                .iter()
                .rev()
                .find(|inner| failure.message.contains(&inner.message));
            let error_type = cause.unwrap_or(&failure).error_type.to_string();
            self.instruments.error(&task_type, error_type);
            return;
        }
        let area = self.area.as_str();
        let qualified = Failure {
            error_type: format!("{area}.{}", failure.error_type).into(),
            ..failure
        };
        let remembered = CURRENT_TASK.try_with(|inside| {
            let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
            if inside.len() == MAX_REMEMBERED {
                inside.remove(0);
            }
            inside.push(qualified.clone());
        });
        if remembered.is_err() {
            self.instruments.error(area, qualified.error_type.into_owned());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.finish();
    }
}
