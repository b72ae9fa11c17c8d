//! What an operator may do: delete series, clean what deletions left in parts, copy the store.

use std::path::PathBuf;

use skopos_core::metric::{Cardinality, CleanReport, DeleteReport, MetricAdmin, SnapshotHead, StoredBlock};
use skopos_core::{Matcher, ReadError, TenantId, TimeRange, WriteError};
use skopos_storage::{Offset, PartMeta, StorageError, error_text};

use crate::blocks::blocks;
use crate::cardinality::cardinality;
use crate::record::{Deletion, Record};
use crate::store::{Shared, TOMBSTONES};
use crate::tenant::TenantMetrics;
use crate::tombstones::Tombstone;

/// Longest name of a snapshot.
const MAX_SNAPSHOT_NAME: usize = 100;

impl Shared {
    /// The deletion is a record of the log, so that it stands between what it deletes and what
    /// comes later, and an entry of the list of tombstones for parts that exist already.
    fn delete_series(&self, tenant: &TenantId, deletion: Deletion) -> Result<DeleteReport, StorageError> {
        let head = self.head(tenant);
        let gate = self.gate.lock();
        let mut record = Record::new(tenant.clone());
        record.deletions.push(deletion);
        let offset = self.storage.wal().append(&record.encode())?;
        let report = head.write().apply(&mut record);
        for deletion in &record.deletions {
            self.tombstones.add(Tombstone::new(offset, tenant, deletion))?;
        }
        drop(gate);
        Ok(report)
    }

    pub(crate) fn clean_tombstones(&self) -> Result<CleanReport, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let newest: Option<Offset> = self.tombstones.list().iter().map(|tombstone| tombstone.offset).max();
        let mut report = CleanReport::default();
        self.clean_windows(&mut report)?;
        for meta in &self.storage.manifest().state().parts {
            if meta.spec.aggregate.is_none() && !self.tombstones.of_part(meta).is_empty() {
                self.rewrite(meta, &mut report)?;
            }
        }
        let parts = &self.storage.manifest().state().parts;
        report.tombstones = self.tombstones.forget_done(parts, newest)?;
        Ok(report)
    }

    /// Writes a part anew without what is deleted, if it holds any of it.
    fn rewrite(&self, meta: &PartMeta, report: &mut CleanReport) -> Result<(), StorageError> {
        let Some(merge) = self.merge(std::slice::from_ref(meta))? else {
            return Ok(());
        };
        if merge.deleted == 0 {
            return self.discard(&merge.written);
        }
        self.replace_samples(merge.written, vec![meta.path.clone()], "deletion")?;
        report.parts += 1;
        report.samples += merge.deleted;
        Ok(())
    }

    pub(crate) fn snapshot(&self, name: &str, head: SnapshotHead) -> Result<PathBuf, StorageError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let all = self.options.root.join("snapshots");
        let refused = |reason: &str| StorageError::Corrupt {
            what: format!("the name of snapshot {name:?}"),
            reason: reason.to_owned(),
        };
        if name.is_empty() || name.len() > MAX_SNAPSHOT_NAME || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(refused(
                "it may have letters, digits, `-`, `_` and `.`, and begins with none of the last",
            ));
        }
        let (target, beside) = (all.join(name), all.join(format!(".{name}.tmp")));
        if target.exists() {
            return Err(refused(
                "there is a snapshot of that name\nremove it, or choose another name",
            ));
        }
        let _one_at_a_time = self.flushing.lock();
        if head == SnapshotHead::Include {
            self.flush_held()?;
        }
        let io = |action, path: &PathBuf| {
            let path = path.clone();
            move |source| StorageError::Io { action, path, source }
        };
        if beside.exists() {
            std::fs::remove_dir_all(&beside).map_err(io("remove", &beside))?;
        }
        self.storage.copy_to(&beside)?;
        self.tombstones.copy_to(&beside.join("manifest").join(TOMBSTONES))?;
        std::fs::rename(&beside, &target).map_err(io("rename", &beside))?;
        Ok(target)
    }
}

fn write_error(action: &'static str) -> impl Fn(StorageError) -> WriteError {
    move |error| WriteError::Storage {
        action,
        reason: error_text(&error),
    }
}

impl MetricAdmin for TenantMetrics {
    fn delete_series(&self, matchers: &[Matcher], range: TimeRange) -> Result<DeleteReport, WriteError> {
        let deletion = Deletion {
            matchers: matchers.to_vec(),
            range,
        };
        let deleted = self.shared.delete_series(&self.tenant, deletion);
        deleted.map_err(write_error("delete series"))
    }

    fn clean_tombstones(&self) -> Result<CleanReport, WriteError> {
        self.shared.clean_tombstones().map_err(write_error("clean tombstones"))
    }

    fn snapshot(&self, name: &str, head: SnapshotHead) -> Result<PathBuf, WriteError> {
        self.shared.snapshot(name, head).map_err(write_error("make a snapshot"))
    }

    fn cardinality(&self, limit: usize) -> Result<Cardinality, ReadError> {
        Ok(cardinality(&self.shared.head(&self.tenant).read(), limit))
    }

    fn blocks(&self) -> Result<Vec<StoredBlock>, ReadError> {
        blocks(self)
    }
}
