//! The engine: a bounded queue of tasks, workers that run them, and what became of the last ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use skopos_sdk::tasks::trace_task_execution;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::journal::Journal;
use super::task::{Progress, TaskRequest};
use super::{Agents, work};
use crate::failure::Refusal;

/// Tasks that may wait or run; beyond it new ones are refused.
const MAX_OPEN: usize = 512;
/// Tasks that are remembered with their outcome.
const MAX_REMEMBERED: usize = 2_000;

/// Runs tasks; clones share it.
#[derive(Clone)]
pub(super) struct Engine {
    agents: Arc<Agents>,
    journal: Arc<Journal>,
    open: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    tasks: Arc<Mutex<Tasks>>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Tasks {
    by_id: HashMap<String, Progress>,
    by_age: VecDeque<String>,
}

impl Engine {
    pub(super) fn start(agents: Arc<Agents>, journal: Journal, workers: usize, stop: &CancellationToken) -> Self {
        Self {
            agents,
            journal: Arc::new(journal),
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            workers: Arc::new(Semaphore::new(workers)),
            tasks: Arc::default(),
            stop: stop.clone(),
        }
    }

    /// Takes a task on and gives its id. It is in the journal before the caller hears of it.
    pub(super) fn submit(&self, request: TaskRequest) -> Result<String, Refusal> {
        let full = |_| {
            Refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{MAX_OPEN} tasks are open: come again"),
            )
        };
        let place = Arc::clone(&self.open).try_acquire_owned().map_err(full)?;
        let id = uuid::Uuid::now_v7().to_string();
        self.journal.append(&id, &request).map_err(|error| {
            tracing::error!(%error, "a task could not be written to the journal");
            Refusal(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
        })?;
        self.tasks().add(&id);
        let (engine, task_id) = (self.clone(), id.clone());
        let run = async move {
            engine.run(&task_id, request).await;
            drop(place);
        };
        let stop = self.stop.clone();
        // The task belongs to the trace of the request that brought it.
        tokio::spawn(async move { stop.run_until_cancelled(run).await }.instrument(Span::current()));
        Ok(id)
    }

    async fn run(&self, id: &str, request: TaskRequest) {
        // The semaphore is never closed.
        let Ok(_worker) = self.workers.acquire().await else {
            return;
        };
        self.tasks().set(id, Progress::Running);
        let task = trace_task_execution(id, request.kind.as_str());
        // Boxed: a task may hold a model call, a payment and a scan at one time.
        let work = Box::pin(work::run(&self.agents, &request));
        let progress = match task.run(work).await {
            Ok(result) => Progress::Done { result },
            Err(error) => Progress::Failed {
                error: error.to_string(),
            },
        };
        self.tasks().set(id, progress);
    }

    /// How far a task is; nothing where it is not known any more.
    pub(super) fn progress(&self, id: &str) -> Option<Progress> {
        self.tasks().by_id.get(id).cloned()
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn add(&mut self, id: &str) {
        if self.by_age.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.by_age.push_back(id.to_owned());
        self.by_id.insert(id.to_owned(), Progress::Waiting);
    }

    fn set(&mut self, id: &str, progress: Progress) {
        if let Some(known) = self.by_id.get_mut(id) {
            *known = progress;
        }
    }
}
