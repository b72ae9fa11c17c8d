//! When which tenant's model is trained: the founders' at the start, others' when they are first asked for, and each
//! again after a while; a job that failed is tried again soon.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::als::Diverged;
use super::engine::Engine;
use super::metrics::JobStatus;
use super::model::Model;
use super::training::{MODEL_NAME, TrainingData};
use crate::catalog::{TENANTS, Tenant};
use crate::events::Interaction;
use reqwest::Client;
use skopos_fleet_frame::Fault;
use skopos_sdk::tasks::ErrorType;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// How often the scheduler looks for work.
const TICK: Duration = Duration::from_secs(1);
/// Pause after a failed job.
const RETRY_PAUSE: Duration = Duration::from_secs(8);
/// Jobs of a tenant whose state stays on `/metrics`.
const SHOWN_JOBS: usize = 3;
/// How long the pipeline may take to tell what it has loaded.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Trains until told to stop.
pub(super) struct Scheduler {
    pub(super) engine: Arc<Engine>,
    /// Where the data pipeline is.
    pub(super) pipeline: String,
    pub(super) client: Client,
    pub(super) interval: Duration,
    /// While on, the data of each job is spoilt.
    pub(super) poisoned: Fault,
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("the job gives no model")]
    Diverged(#[from] Diverged),
    #[error("the job ended before its time")]
    Crashed(#[from] JoinError),
}

impl JobError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Diverged(_) => "diverged",
            Self::Crashed(_) => "crashed",
        }
    }
}

impl ErrorType for JobError {
    fn error_type(&self) -> Cow<'static, str> {
        self.reason().into()
    }
}

/// What the scheduler knows of one tenant.
#[derive(Debug, Default)]
struct Progress {
    due: Option<Instant>,
    jobs: u64,
    version: u64,
    shown: VecDeque<String>,
    failed: bool,
}

impl Scheduler {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut progress: HashMap<&'static str, Progress> = HashMap::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            for tenant in TENANTS {
                let of_tenant = progress.entry(tenant.id).or_default();
                if self.is_due(tenant, of_tenant) {
                    self.job(tenant, of_tenant).await;
                }
                if stop.is_cancelled() {
                    return;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
        }
    }

    fn is_due(&self, tenant: &Tenant, progress: &Progress) -> bool {
        if !tenant.is_founder && !self.engine.is_wanted(tenant) {
            return false;
        }
        // A spoilt export arrives at once: new data starts a job before its time.
        let poison_arrives = self.poisoned.is_on() && !progress.failed;
        poison_arrives || progress.due.is_none_or(|due| Instant::now() >= due)
    }

    async fn job(&self, tenant: &'static Tenant, progress: &mut Progress) {
        progress.jobs += 1;
        let job_id = format!("{}-{}", tenant.id, progress.jobs);
        let metrics = &self.engine.metrics;
        metrics.job(&job_id, tenant.id, JobStatus::Running);
        progress.shown.push_back(job_id.clone());
        while progress.shown.len() > SHOWN_JOBS {
            if let Some(old) = progress.shown.pop_front() {
                metrics.forget_job(&old, tenant.id);
            }
        }
        let version = progress.version + 1;
        let training = metrics.ml.training(MODEL_NAME, tenant.id);
        let trained = training.run(self.train(tenant, version)).await;
        progress.failed = trained.is_err();
        match trained {
            Ok(model) => {
                progress.version = version;
                progress.due = Some(Instant::now() + self.interval);
                metrics.job(&job_id, tenant.id, JobStatus::Completed);
                metrics.completed(tenant.id);
                self.engine.deploy(model);
            }
            Err(error) => {
                progress.due = Some(Instant::now() + RETRY_PAUSE);
                metrics.job(&job_id, tenant.id, JobStatus::Failed);
                metrics.failed(tenant.id, error.reason());
                tracing::error!(
                    job_id,
                    tenant_id = tenant.id,
                    reason = error.reason(),
                    error = &error as &(dyn std::error::Error + 'static),
                    "training failed"
                );
            }
        }
    }

    async fn train(&self, tenant: &'static Tenant, version: u64) -> Result<Model, JobError> {
        let loaded = match self.loaded(tenant).await {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::warn!(
                    tenant_id = tenant.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "the pipeline does not answer: training on the past alone"
                );
                Vec::new()
            }
        };
        let is_poisoned = self.poisoned.is_on();
        let work = move || {
            let mut data = TrainingData::gather(tenant, &loaded);
            if is_poisoned {
                data.poison();
            }
            data.train(version)
        };
        Ok(tokio::task::spawn_blocking(work).await??)
    }

    /// What users did since the fleet runs.
    async fn loaded(&self, tenant: &Tenant) -> reqwest::Result<Vec<Interaction>> {
        let url = format!("{}/v1/interactions/{}", self.pipeline, tenant.id);
        let request = self.client.get(url).timeout(FETCH_TIMEOUT);
        let answer = skopos_sdk::client::send(&self.client, request).await?;
        answer.error_for_status()?.json().await
    }
}
