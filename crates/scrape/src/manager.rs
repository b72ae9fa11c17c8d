//! All jobs: starts, changes and ends them as the configuration says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use skopos_config::{PrometheusConfig, ScrapeConfig, SdConfigs, TargetGroup};
use skopos_core::ledger::Ledger;
use skopos_core::matcher::MatcherError;
use skopos_core::metric::MetricSink;
use skopos_core::{Clock, SystemClock, TenantId};
use skopos_relabel::Relabeler;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure_log::OpenedLogs;
use crate::fetch::{Fetcher, HttpFetcher, InProcessTarget};
use crate::ingest::{CreatedZeros, IngestRules};
use crate::pool::{Pool, PoolSetup};
use crate::scrape_loop::Shared;
use crate::status::{TargetMetadata, Targets};

/// What the scraper works with.
#[derive(Debug, Clone)]
pub struct ScrapeOptions {
    /// Keeps the books; door `scrape`.
    pub ledger: Arc<Ledger>,
    /// Whose data the samples are.
    pub tenant: TenantId,
    /// Tells the time of scrapes.
    pub clock: Arc<dyn Clock>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether a zero is written at the time when a target says that counting began
    /// (`--enable-feature=created-timestamp-zero-ingestion`).
    pub created_timestamp_zero_ingestion: bool,
}

impl Default for ScrapeOptions {
    fn default() -> Self {
        Self {
            ledger: Arc::default(),
            tenant: TenantId::default(),
            clock: Arc::new(SystemClock),
            user_agent: concat!("Skopos/", env!("CARGO_PKG_VERSION")).to_owned(),
            created_timestamp_zero_ingestion: false,
        }
    }
}

/// A configuration that cannot be applied. The one before stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// A pattern of a relabelling rule does not compile.
    #[error("job {job:?}: {source}")]
    Relabel {
        /// The job.
        job: String,
        /// The pattern and what is wrong with it.
        source: MatcherError,
    },
    /// The file of a job's failures cannot be written.
    #[error("job {job:?}: cannot open scrape_failure_log_file {}: {source}", path.display())]
    FailureLog {
        /// The job.
        job: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The manager has been shut down.
    #[error("scraping has been shut down")]
    ShutDown,
}

/// A target inside this process, and how it is scraped.
#[derive(Debug, Clone)]
pub struct InProcessJob {
    /// Label `job`, and the name of the pool.
    pub job: String,
    /// Label `instance`.
    pub instance: String,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Time between scrapes.
    pub interval: Duration,
    /// What is scraped.
    pub target: Arc<dyn InProcessTarget>,
}

/// Scrapes what the configuration names. Must be used within a tokio runtime.
#[derive(Debug)]
pub struct ScrapeManager {
    shared: Arc<Shared>,
    user_agent: String,
    created_zeros: CreatedZeros,
    halt: CancellationToken,
    retiring: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pools: BTreeMap<String, Pool>,
    in_process: Vec<Pool>,
    /// Pools that end by themselves.
    ending: Vec<Pool>,
    is_shut_down: bool,
}

impl ScrapeManager {
    /// A manager without jobs that appends to `sink`.
    pub fn new(sink: Arc<dyn MetricSink>, options: ScrapeOptions) -> Self {
        Self {
            shared: Arc::new(Shared::new(sink, options.ledger, options.tenant, options.clock)),
            user_agent: options.user_agent,
            created_zeros: if options.created_timestamp_zero_ingestion {
                CreatedZeros::On
            } else {
                CreatedZeros::Off
            },
            halt: CancellationToken::new(),
            retiring: TaskTracker::new(),
            state: Mutex::default(),
        }
    }

    /// Begins to scrape a target inside this process.
    pub fn add_in_process(&self, job: InProcessJob) -> Result<(), ScrapeError> {
        let setup = PoolSetup {
            shared: Arc::clone(&self.shared),
            config: in_process_config(&job),
            relabeler: Relabeler::default(),
            rules: Arc::new(IngestRules::plain()),
            fetcher: Fetcher::InProcess(job.target),
            folder: Path::new(".").to_owned(),
            retiring: self.retiring.clone(),
            halt: self.halt.clone(),
        };
        let mut state = self.state.lock();
        if state.is_shut_down {
            return Err(ScrapeError::ShutDown);
        }
        state.in_process.push(Pool::start(setup, None));
        Ok(())
    }

    /// Applies a configuration: jobs that did not change go on untouched, changed ones keep watch
    /// over their series, those no longer there end. An error changes nothing.
    pub fn apply(&self, config: &PrometheusConfig) -> Result<(), ScrapeError> {
        let mut state = self.state.lock();
        if state.is_shut_down {
            return Err(ScrapeError::ShutDown);
        }
        let folder = config.folder();
        let failure_logs = OpenedLogs::open(config)?;
        let mut changed = Vec::new();
        for job in &config.scrape_configs {
            let is_same = state.pools.get(&job.job_name).is_some_and(|pool| pool.config == *job);
            if !is_same {
                changed.push(self.setup(job, &folder)?);
            }
        }
        self.shared.failures.apply(failure_logs);
        state.ending.retain(|pool| !pool.is_finished());
        let names: Vec<&str> = config.scrape_configs.iter().map(|job| job.job_name.as_str()).collect();
        let gone: Vec<String> = state
            .pools
            .keys()
            .filter(|name| !names.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in gone {
            if let Some(pool) = state.pools.remove(&name) {
                pool.retire();
                state.ending.push(pool);
            }
        }
        for setup in changed {
            let name = setup.config.job_name.clone();
            let before = state.pools.remove(&name);
            state.pools.insert(name, Pool::start(setup, before));
        }
        Ok(())
    }

    fn setup(&self, config: &ScrapeConfig, folder: &Path) -> Result<PoolSetup, ScrapeError> {
        let of_job = |source| ScrapeError::Relabel {
            job: config.job_name.clone(),
            source,
        };
        let fetcher = match HttpFetcher::new(config, folder, &self.user_agent) {
            Ok(fetcher) => Fetcher::Http(Arc::new(fetcher)),
            Err(error) => {
                tracing::error!(job = %config.job_name, %error, "the job's HTTP client is not usable; its scrapes fail");
                Fetcher::Broken(error.to_string().into())
            }
        };
        Ok(PoolSetup {
            shared: Arc::clone(&self.shared),
            relabeler: Relabeler::new(&config.relabel_configs).map_err(of_job)?,
            rules: Arc::new(IngestRules::new(config, self.created_zeros).map_err(of_job)?),
            fetcher,
            folder: folder.to_owned(),
            retiring: self.retiring.clone(),
            halt: self.halt.clone(),
            config: config.clone(),
        })
    }

    /// All targets as they are now.
    pub fn targets(&self) -> Targets {
        let state = self.state.lock();
        let mut targets = Targets::default();
        for pool in state.pools.values().chain(&state.in_process) {
            let name = &pool.config.job_name;
            let (dropped, count) = pool.view.dropped();
            targets
                .active
                .extend(pool.view.active().iter().map(|target| target.active()));
            targets.dropped.extend(dropped);
            *targets.dropped_counts.entry(name.clone()).or_default() += count;
            targets.pools.push(name.clone());
        }
        targets.active.sort_by(|a, b| {
            (&a.scrape_pool, &a.target.url, &a.target.labels).cmp(&(&b.scrape_pool, &b.target.url, &b.target.labels))
        });
        targets.pools.sort();
        targets.pools.dedup();
        targets
    }

    /// What the targets told of their metrics.
    pub fn metadata(&self) -> Vec<TargetMetadata> {
        let state = self.state.lock();
        let pools = state.pools.values().chain(&state.in_process);
        pools
            .flat_map(|pool| pool.view.active())
            .map(|target| target.metadata())
            .collect()
    }

    /// Ends all scraping and waits for what is under way. No staleness markers are written.
    pub async fn shutdown(&self) {
        self.halt.cancel();
        let pools: Vec<Pool> = {
            let mut state = self.state.lock();
            state.is_shut_down = true;
            let State {
                pools,
                in_process,
                ending,
                ..
            } = &mut *state;
            std::mem::take(pools)
                .into_values()
                .chain(in_process.drain(..))
                .chain(ending.drain(..))
                .collect()
        };
        for pool in pools {
            pool.join().await;
        }
        self.retiring.close();
        self.retiring.wait().await;
    }
}

/// A job with one static target whose address is never connected to.
fn in_process_config(job: &InProcessJob) -> ScrapeConfig {
    let mut labels = job.labels.clone();
    labels.insert("instance".to_owned(), job.instance.clone());
    labels.insert("__scheme__".to_owned(), "in-process".to_owned());
    let discovery = SdConfigs {
        static_configs: vec![TargetGroup {
            targets: vec![job.instance.clone()],
            labels,
        }],
        ..SdConfigs::default()
    };
    ScrapeConfig {
        job_name: job.job.clone(),
        scrape_interval: job.interval,
        scrape_timeout: job.interval.min(Duration::from_secs(10)),
        discovery,
        ..ScrapeConfig::default()
    }
}
