//! The data directory that is written to: locked, opened, and what was taken from a source before.

use anyhow::Context as _;
use skopos_core::metric::MetricMetadata;
use skopos_core::{Clock as _, SystemClock, TenantId};
use skopos_metrics::{BulkLoad, MetricStore, MetricStoreOptions};
use skopos_storage::DataDirLock;

use super::report::Report;
use crate::cli::import::ImportTarget;

const DAY_MS: i64 = 86_400_000;
/// The default of --storage.retention.time.
const DEFAULT_RETENTION_DAYS: i64 = 30;

/// A store that no server holds.
#[derive(Debug)]
pub(crate) struct Target {
    _lock: DataDirLock,
    store: MetricStore,
    pub(crate) tenant: TenantId,
}

impl Target {
    /// Locks and opens; `None` where a dry run finds nothing to look at.
    pub(crate) fn open(args: &ImportTarget) -> anyhow::Result<Option<Self>> {
        let path = &args.storage_path;
        if args.dry_run && !path.is_dir() {
            return Ok(None);
        }
        let lock = DataDirLock::acquire(path).with_context(|| {
            format!(
                "nothing can be imported into {} while a server runs on it\n\
                 stop the server and start it again afterwards, or import into a folder of its own with --storage.path",
                path.display()
            )
        })?;
        Ok(Some(Self {
            _lock: lock,
            store: MetricStore::open(MetricStoreOptions::new(path))?,
            tenant: tenant(args)?,
        }))
    }

    /// Begins to write.
    pub(crate) fn bulk(&self, metadata: Vec<MetricMetadata>) -> BulkLoad<'_> {
        self.store.bulk(&self.tenant, metadata)
    }

    /// The name under which the manifest remembers a source.
    pub(crate) fn name(&self, source: &str) -> String {
        format!("{} {source}", self.tenant)
    }

    /// Whether a source was taken.
    pub(crate) fn has(&self, source: &str) -> bool {
        self.store.has_imported(&self.name(source))
    }
}

/// The tenant that is written to.
pub(crate) fn tenant(args: &ImportTarget) -> anyhow::Result<TenantId> {
    match &args.tenant {
        Some(name) => Ok(TenantId::new(name)?),
        None => Ok(TenantId::default()),
    }
}

/// Says where samples are older than a server keeps them by default.
pub(crate) fn note_retention(report: &mut Report) {
    let now_ms = SystemClock.now_ms();
    let age_days = report
        .min_time_ms
        .map_or(0, |oldest| now_ms.saturating_sub(oldest) / DAY_MS);
    if age_days >= DEFAULT_RETENTION_DAYS {
        report.notes.push(format!(
            "The oldest sample is {age_days} days old: start the server with --storage.retention.time={}d or more, \
             or 0s for ever; by default it removes what is older than {DEFAULT_RETENTION_DAYS} days.",
            age_days + 1
        ));
    }
}
