//! Bounded pools for CPU work, so that it does not keep the async threads from serving others.
//!
//! A pool has a fixed number of threads, a bound on jobs begun and one on jobs waiting. A job that
//! panics gives an error to its caller and leaves the pool whole.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::Sender;
use skopos_core::{ErrorKind, Kinded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::telemetry;

/// Bytes of stack of a thread that evaluates queries: parsers and engines recurse over what clients send. It has what a query asks
/// for and room to get there, so that none has to be made for it.
pub const STACK_BYTES: usize = skopos_promql::STACK_BYTES + (8 << 20);
/// How many jobs may wait for each that may run.
const WAITING_PER_PERMIT: usize = 32;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads with bounded queues. The threads end when the pool is dropped.
#[derive(Debug)]
pub(crate) struct WorkPool {
    name: &'static str,
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// Size of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    /// Threads.
    pub(crate) threads: usize,
    /// Most jobs begun at once.
    pub(crate) concurrency: usize,
}

/// Why a job gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PoolError {
    /// Too many jobs wait already.
    #[error("too many outstanding requests")]
    Busy,
    /// The job panicked: a fault of ours.
    #[error("internal error: {0}")]
    Panicked(String),
}

impl Kinded for PoolError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::TooMany,
            Self::Panicked(_) => ErrorKind::Internal,
        }
    }
}

impl WorkPool {
    /// Starts the threads.
    pub(crate) fn new(name: &'static str, size: PoolSize) -> io::Result<Self> {
        // Not bounded here: the permits bound the jobs that are sent.
        let (jobs, queue) = crossbeam_channel::unbounded::<Job>();
        let start = |index: usize| {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("{name}-{index}"))
                .stack_size(STACK_BYTES)
                .spawn(move || queue.iter().for_each(|job| job()))
        };
        let threads = (0..size.threads.max(1)).map(start).collect::<io::Result<_>>()?;
        let concurrency = size.concurrency.max(1);
        Ok(Self {
            name,
            jobs: Some(jobs),
            threads,
            permits: Arc::new(Semaphore::new(concurrency)),
            waiting: AtomicUsize::new(0),
            max_waiting: concurrency * WAITING_PER_PERMIT,
        })
    }

    /// Runs `work` on the pool. A caller that goes away while it waits frees its place; work that
    /// began goes on to its end or to its budget's cancel flag.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = self.place().await?;
        self.run_at(place, work).await
    }

    /// Waits until a job may begin.
    pub(crate) async fn place(&self) -> Result<Place, PoolError> {
        let _waiting = self.enter_queue()?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map(Place).map_err(|_| PoolError::Busy)
    }

    /// As [`WorkPool::run`], for who has waited already.
    pub(crate) async fn run_at<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (sender, receiver) = oneshot::channel();
        let span = tracing::Span::current();
        let job = move || {
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            drop(place);
            // The caller may have gone away; its result is of use to nobody else.
            drop(sender.send(result));
        };
        self.send(Box::new(job));
        match receiver.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => Err(self.panicked(panic.as_ref())),
            Err(_) => Err(PoolError::Panicked("the worker ended without a result".to_owned())),
        }
    }

    /// Runs `work` on the calling thread, as one of the jobs begun: for what is shorter than the wait for another thread.
    pub(crate) fn run_here<T>(&self, place: Place, work: impl FnOnce() -> T) -> Result<T, PoolError> {
        let result = catch_unwind(AssertUnwindSafe(work));
        drop(place);
        result.map_err(|panic| self.panicked(panic.as_ref()))
    }

    fn send(&self, job: Job) {
        // The channel lives as long as the pool; should its threads be gone, the job is dropped
        // and its caller told.
        if let Some(jobs) = &self.jobs {
            drop(jobs.send(job));
        }
    }

    fn enter_queue(&self) -> Result<QueuePlace<'_>, PoolError> {
        let place = QueuePlace(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            telemetry::POOL_REFUSED.with_label_values(&[self.name]).inc();
            return Err(PoolError::Busy);
        }
        Ok(place)
    }

    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> PoolError {
        telemetry::PANICS.with_label_values(&[self.name]).inc();
        let text = panic_text(panic);
        tracing::error!(pool = self.name, panic = %text, "a worker panicked");
        PoolError::Panicked(text)
    }
}

impl Drop for WorkPool {
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            // Jobs catch their panics, so that a thread ends well.
            drop(thread.join());
        }
    }
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a text".to_owned())
}

/// A place among the jobs begun.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held until the job has ended")] OwnedSemaphorePermit);

/// A place among those who wait; leaving it, in whatever way, gives it back.
struct QueuePlace<'a>(&'a AtomicUsize);

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> WorkPool {
        let size = PoolSize {
            threads: 1,
            concurrency: 1,
        };
        WorkPool::new("test", size).expect("threads start")
    }

    #[tokio::test]
    async fn results_come_back_and_panics_become_errors() {
        let pool = pool();
        assert_eq!(pool.run(|| 2 + 2).await, Ok(4));
        let failed = pool.run(|| -> u8 { panic!("broken on purpose") }).await;
        assert_eq!(failed, Err(PoolError::Panicked("broken on purpose".to_owned())));
        assert_eq!(pool.run(|| 5).await, Ok(5));
        let place = pool.place().await.expect("nobody waits");
        let failed = pool.run_here(place, || -> u8 { panic!("broken here") });
        assert_eq!(failed, Err(PoolError::Panicked("broken here".to_owned())));
        let place = pool.place().await.expect("its place was given back");
        assert_eq!(pool.run_here(place, || 6), Ok(6));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = pool();
        pool.waiting.store(pool.max_waiting, Ordering::Relaxed);
        assert_eq!(pool.run(|| 1).await, Err(PoolError::Busy));
    }
}
