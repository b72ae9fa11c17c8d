//! The ETL jobs: loading batches as they come, and two that run by the clock. Each run has a duration and an outcome.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use skopos_fleet_frame::Fault;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::landing::Landing;
use super::metrics::PipelineMetrics;
use super::store::Store;
use crate::events::Interaction;

/// Records of a batch, at most.
const BATCH: usize = 256;
/// How long a batch waits for further records.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Pause after a load that failed; its batch is kept.
const RETRY_PAUSE: Duration = Duration::from_secs(3);
/// How often the disk is looked at.
const DISK_TICK: Duration = Duration::from_secs(5);
/// Ticks between two compactions and two aggregations.
const CLOCKED: u32 = 4;

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Load,
    Aggregate,
    Compact,
}

impl Job {
    pub(super) const ALL: [Self; 3] = [Self::Load, Self::Aggregate, Self::Compact];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Load => "load_interactions",
            Self::Aggregate => "aggregate_popularity",
            Self::Compact => "compact_landing",
        }
    }

    /// Where its records come from.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Load => "kafka",
            Self::Aggregate => "store",
            Self::Compact => "landing",
        }
    }
}

/// A record that waits to be loaded, and who waits for it.
pub(super) type Pending = (Interaction, oneshot::Sender<()>);

/// What the jobs work on.
#[derive(Debug)]
pub(super) struct Jobs {
    pub(super) landing: Mutex<Landing>,
    pub(super) store: Arc<Store>,
    pub(super) metrics: PipelineMetrics,
    pub(super) detached: Fault,
    pub(super) disk_full: Fault,
}

impl Jobs {
    /// Loads what comes until nobody can send any more, or until told to stop while loading fails.
    pub(super) async fn load(&self, mut records: mpsc::Receiver<Pending>, stop: CancellationToken) {
        while let Some(batch) = next_batch(&mut records).await {
            let (interactions, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            while let Err(error) = self.run(Job::Load, || self.load_batch(&interactions)) {
                tracing::error!(
                    job_name = Job::Load.name(),
                    records = interactions.len(),
                    error = &error as &(dyn std::error::Error + 'static),
                    "batch is kept for another try"
                );
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
            }
            for done in waiting {
                // Fails where the consumer has gone, and then nobody waits.
                done.send(()).unwrap_or_default();
            }
        }
    }

    fn load_batch(&self, batch: &[Interaction]) -> io::Result<usize> {
        let mut landing = self.landing.lock().unwrap_or_else(PoisonError::into_inner);
        landing.write(batch, self.detached.is_on())?;
        drop(landing);
        self.store.load(batch.to_vec());
        Ok(batch.len())
    }

    /// Runs the jobs by the clock.
    pub(super) async fn by_the_clock(&self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(DISK_TICK);
        let mut ticks = 0_u32;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            if ticks.is_multiple_of(CLOCKED) {
                self.scheduled(Job::Aggregate, || Ok(self.store.aggregate()));
                self.scheduled(Job::Compact, || {
                    self.landing.lock().unwrap_or_else(PoisonError::into_inner).compact()
                });
            }
            ticks = ticks.wrapping_add(1);
            if let Err(error) = self.look_at_disk() {
                tracing::error!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "the landing zone cannot be measured"
                );
            }
        }
    }

    fn scheduled(&self, job: Job, work: impl FnOnce() -> io::Result<usize>) {
        if let Err(error) = self.run(job, work) {
            tracing::error!(
                job_name = job.name(),
                error = &error as &(dyn std::error::Error + 'static),
                "job failed"
            );
        }
    }

    fn look_at_disk(&self) -> io::Result<()> {
        let landing = self.landing.lock().unwrap_or_else(PoisonError::into_inner);
        landing.dump(self.disk_full.is_on())?;
        self.metrics.disk(landing.used()?, landing.quota());
        Ok(())
    }

    fn run(&self, job: Job, work: impl FnOnce() -> io::Result<usize>) -> io::Result<()> {
        let span = tracing::info_span!(
            "etl.job",
            otel.name = job.name(),
            otel.status_code = tracing::field::Empty,
            etl.records = tracing::field::Empty
        );
        let _entered = span.enter();
        let started = Instant::now();
        let result = work();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(records) => {
                span.record("etl.records", records);
                self.metrics.job_ended(job, seconds, records);
                tracing::debug!(
                    job_name = job.name(),
                    records,
                    duration_ms = seconds * 1000.0,
                    "job ended"
                );
                Ok(())
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                self.metrics.job_failed(job, seconds, reason(&error));
                Err(error)
            }
        }
    }
}

/// Label of a failure.
fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull => "disk_full",
        io::ErrorKind::NotFound => "volume_missing",
        _ => "io",
    }
}

/// Waits for one record, then a little for more. None once nobody can send.
async fn next_batch(records: &mut mpsc::Receiver<Pending>) -> Option<Vec<Pending>> {
    let mut batch = vec![records.recv().await?];
    let full = tokio::time::sleep(BATCH_WAIT);
    tokio::pin!(full);
    while batch.len() < BATCH {
        tokio::select! {
            () = &mut full => break,
            next = records.recv() => match next {
                Some(record) => batch.push(record),
                None => break,
            }
        }
    }
    Some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Action;

    fn jobs() -> (Jobs, prometheus::Registry) {
        let registry = prometheus::Registry::new();
        let jobs = Jobs {
            landing: Mutex::new(Landing::new(1_000_000).expect("a folder")),
            store: Arc::new(Store::new()),
            metrics: PipelineMetrics::register(&registry).expect("a new registry"),
            detached: Fault::default(),
            disk_full: Fault::default(),
        };
        (jobs, registry)
    }

    fn counted(registry: &prometheus::Registry, text: &str) -> bool {
        let all = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
        all.expect("it encodes").lines().any(|line| line == text)
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_is_kept_and_loaded_later() {
        let (jobs, registry) = jobs();
        let (sender, receiver) = mpsc::channel(8);
        let (done, wait) = oneshot::channel();
        let interaction = Interaction {
            tenant_id: "acme-video".to_owned(),
            user: 1,
            item: 2,
            action: Action::Click,
        };
        jobs.detached.set(true);
        sender.send((interaction, done)).await.expect("there is room");
        drop(sender);
        let mend = async {
            tokio::time::sleep(RETRY_PAUSE + Duration::from_secs(2)).await;
            jobs.detached.set(false);
        };
        tokio::join!(jobs.load(receiver, CancellationToken::new()), mend);
        wait.await.expect("it was loaded in the end");
        let failures = "etl_job_failures_total{job_name=\"load_interactions\",reason=\"volume_missing\"} 2";
        assert!(counted(&registry, failures));
        let records = "etl_records_processed_total{job_name=\"load_interactions\",source=\"kafka\"} 1";
        assert!(counted(&registry, records));
    }

    #[test]
    fn a_full_disk_is_seen_and_named() {
        let (jobs, registry) = jobs();
        jobs.disk_full.set(true);
        jobs.look_at_disk().expect("writable");
        assert!(counted(
            &registry,
            "service_disk_quota_bytes{volume=\"landing\"} 1000000"
        ));
        let much = vec![
            Interaction {
                tenant_id: "acme-video".to_owned(),
                user: 1,
                item: 2,
                action: Action::Click,
            };
            5000
        ];
        jobs.run(Job::Load, || jobs.load_batch(&much)).expect_err("no room");
        let failures = "etl_job_failures_total{job_name=\"load_interactions\",reason=\"disk_full\"} 1";
        assert!(counted(&registry, failures));
    }
}
