//! The files that `scrape_failure_log_file` names: a JSON object for each failed scrape.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::json;
use skopos_config::{LineLog, PrometheusConfig};

use crate::manager::ScrapeError;

/// Where the failures of each job go.
#[derive(Debug, Default)]
pub(crate) struct FailureLogs {
    by_job: RwLock<BTreeMap<String, Arc<LineLog>>>,
}

/// Files that are open and not yet written to.
pub(crate) struct OpenedLogs(BTreeMap<String, Arc<LineLog>>);

impl OpenedLogs {
    /// Opens the files of a configuration, each once.
    pub(crate) fn open(config: &PrometheusConfig) -> Result<Self, ScrapeError> {
        let mut by_path: BTreeMap<PathBuf, Arc<LineLog>> = BTreeMap::new();
        let mut by_job = BTreeMap::new();
        for job in &config.scrape_configs {
            if job.scrape_failure_log_file.is_empty() {
                continue;
            }
            let path = config.folder().join(&job.scrape_failure_log_file);
            let log = match by_path.get(&path) {
                Some(log) => Arc::clone(log),
                None => Arc::new(open(&job.job_name, &path)?),
            };
            by_path.insert(path, Arc::clone(&log));
            by_job.insert(job.job_name.clone(), log);
        }
        Ok(Self(by_job))
    }
}

fn open(job: &str, path: &Path) -> Result<LineLog, ScrapeError> {
    LineLog::open(path).map_err(|source| ScrapeError::FailureLog {
        job: job.to_owned(),
        path: path.to_owned(),
        source,
    })
}

impl FailureLogs {
    /// Writes to these files from now on.
    pub(crate) fn apply(&self, opened: OpenedLogs) {
        *self.by_job.write() = opened.0;
    }

    /// Writes that a scrape failed at a time, under the names that Prometheus' log has.
    pub(crate) fn write(&self, job: &str, target: &str, at_ms: i64, reason: &str) {
        let Some(log) = self.by_job.read().get(job).cloned() else {
            return;
        };
        let time = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string();
        let line = json!({ "time": time, "level": "ERROR", "msg": reason, "job_name": job, "target": target });
        if let Err(error) = log.write(&line) {
            tracing::error!(path = %log.path().display(), %error, "failed to write the log of failed scrapes");
        }
    }
}
