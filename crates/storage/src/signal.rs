//! Log, parts and manifest of one signal, tied together so that a crash at any point neither
//! loses nor doubles a record.
//!
//! A flush is: [`SignalStorage::cut`] gives the offset up to which the head is flushed, the
//! signal's crate writes parts for it, [`SignalStorage::commit`] makes them live with that offset
//! and truncates the log. Replay starts at [`SignalStorage::covered`].

mod snapshot;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skopos_core::{TenantId, TimeRange};

use crate::manifest::{Manifest, ManifestChange};
use crate::part::{PartMeta, PartReader, PartStore};
use crate::{FsyncPolicy, Offset, Retention, StorageError, Wal, WalOptions, error_text, telemetry};

/// Partition of the local log.
pub const LOCAL_PARTITION: u32 = 0;

/// Where and how a signal is stored.
#[derive(Debug, Clone)]
pub struct SignalOptions {
    /// The data directory.
    pub root: PathBuf,
    /// Name of the signal in paths and metrics.
    pub signal: &'static str,
    /// When the log reaches the disk.
    pub fsync: FsyncPolicy,
    /// A segment of the log is closed at this size.
    pub wal_segment_bytes: u64,
    /// What may go.
    pub retention: Retention,
}

impl SignalOptions {
    /// The usual options for a signal under a data directory.
    pub fn new(root: &Path, signal: &'static str) -> Self {
        Self {
            root: root.to_path_buf(),
            signal,
            fsync: FsyncPolicy::default(),
            wal_segment_bytes: WalOptions::default().segment_bytes,
            retention: Retention::default(),
        }
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalReport {
    /// Bytes cut at the end of the log.
    pub torn_bytes: u64,
    /// Parts without a manifest entry, and pieces of parts, that were removed.
    pub orphans: u64,
    /// Parts that a new manifest was built from, because there was none.
    pub recovered_parts: u64,
    /// Parts that could not be read while doing so and were set aside.
    pub corrupt_parts: u64,
}

/// The storage of one signal.
#[derive(Debug)]
pub struct SignalStorage {
    signal: &'static str,
    wal: Wal,
    parts: PartStore,
    manifest: Manifest,
    retention: Retention,
}

impl SignalStorage {
    /// Opens `<root>/wal/<signal>`, `<root>/parts` and `<root>/manifest/<signal>.json`.
    pub fn open(options: &SignalOptions) -> Result<(Self, SignalReport), StorageError> {
        let signal = options.signal;
        let mut report = SignalReport::default();
        let parts = PartStore::local(&options.root.join("parts"), signal)?;
        let manifest_path = options.root.join("manifest").join(format!("{signal}.json"));
        let manifest = match Manifest::open(&manifest_path, signal)? {
            Some(manifest) => {
                report.orphans = remove_orphans(&parts, &manifest)?;
                manifest
            }
            None => rebuild(&parts, &manifest_path, signal, &mut report)?,
        };
        report.orphans += parts.remove_staged()?;
        let wal = Wal::open(
            &options.root.join("wal").join(signal),
            WalOptions {
                segment_bytes: options.wal_segment_bytes,
                fsync: options.fsync,
                minimum_offset: least_free_offset(&manifest),
                signal,
            },
        )?;
        report.torn_bytes = wal.torn_bytes();
        let storage = Self {
            signal,
            wal,
            parts,
            manifest,
            retention: options.retention,
        };
        storage.export();
        Ok((storage, report))
    }

    /// The log.
    pub fn wal(&self) -> &Wal {
        &self.wal
    }

    /// The parts.
    pub fn parts(&self) -> &PartStore {
        &self.parts
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The first offset that is not in parts: replay starts here.
    pub fn covered(&self) -> Offset {
        self.manifest.state().covered(LOCAL_PARTITION)
    }

    /// Closes the log's active segment and returns the offset of the next record. Parts of
    /// everything before it may then be committed with it.
    pub fn cut(&self) -> Result<Offset, StorageError> {
        self.wal.roll()
    }

    /// Makes `added` live, says that parts hold everything below `covered`, and truncates the log.
    pub fn commit(&self, added: Vec<PartMeta>, covered: Offset) -> Result<(), StorageError> {
        self.manifest.commit(ManifestChange {
            added,
            covered: Some((LOCAL_PARTITION, covered)),
            ..ManifestChange::default()
        })?;
        self.export();
        self.wal.truncate_before(covered)
    }

    /// Makes parts live that an import wrote, and says with it that the sources of these names were
    /// taken: both or neither.
    pub fn commit_imported(&self, added: Vec<PartMeta>, names: Vec<String>) -> Result<(), StorageError> {
        self.manifest.commit(ManifestChange {
            added,
            imported: names,
            ..ManifestChange::default()
        })?;
        self.export();
        Ok(())
    }

    /// Replaces parts by others that hold the same rows, and removes the old objects.
    pub fn replace(&self, added: Vec<PartMeta>, removed: &[String], cause: &str) -> Result<(), StorageError> {
        let added_paths: BTreeSet<String> = added.iter().map(|part| part.path.clone()).collect();
        self.manifest.commit(ManifestChange {
            added,
            removed: removed.to_vec(),
            ..ManifestChange::default()
        })?;
        self.export();
        for path in removed.iter().filter(|path| !added_paths.contains(*path)) {
            self.parts.remove(path, cause)?;
        }
        Ok(())
    }

    /// Live parts of a tenant that may hold rows in the range, by path.
    pub fn live_parts(&self, tenant: &TenantId, range: &TimeRange) -> Vec<Arc<PartMeta>> {
        let state = self.manifest.state();
        let live = state
            .parts
            .iter()
            .filter(|part| part.spec.tenant == *tenant && part.overlaps(range));
        live.cloned().collect()
    }

    /// Tenants that have live parts.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        let state = self.manifest.state();
        state.parts.iter().map(|part| part.spec.tenant.clone()).collect()
    }

    /// Opens a live part; `None` where it was removed meanwhile, or is damaged: then it is set
    /// aside, counted and told, and the rest serves.
    pub fn open_part(&self, meta: &PartMeta) -> Result<Option<Arc<PartReader>>, StorageError> {
        match self.parts.open(meta) {
            Ok(reader) => Ok(Some(reader)),
            Err(error) if error.is_corrupt() => {
                self.set_aside(meta, &error_text(&error))?;
                Ok(None)
            }
            Err(StorageError::Object {
                source: object_store::Error::NotFound { .. },
                ..
            }) => {
                if self.manifest.state().parts.iter().any(|live| live.path == meta.path) {
                    self.set_aside(meta, "the file is missing")?;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a damaged part out of service.
    pub fn set_aside(&self, meta: &PartMeta, reason: &str) -> Result<(), StorageError> {
        self.parts.set_aside(meta, reason)?;
        self.manifest.commit(ManifestChange {
            removed: vec![meta.path.clone()],
            ..ManifestChange::default()
        })?;
        self.export();
        Ok(())
    }

    /// Removes what retention no longer keeps, from the manifest first. Returns how many parts.
    pub fn retain(&self, now_ms: i64) -> Result<u64, StorageError> {
        let expired = self.retention.expired(&self.manifest.state().parts, now_ms);
        if expired.is_empty() {
            return Ok(0);
        }
        self.replace(Vec::new(), &expired, "retention")?;
        Ok(expired.len() as u64)
    }

    /// As [`SignalStorage::retain`], with what each tenant keeps of its own parts.
    pub fn retain_by(&self, now_ms: i64, retention: impl Fn(&TenantId) -> Retention) -> Result<u64, StorageError> {
        let state = self.manifest.state();
        let mut parts: BTreeMap<&TenantId, Vec<Arc<PartMeta>>> = BTreeMap::new();
        for part in &state.parts {
            parts.entry(&part.spec.tenant).or_default().push(Arc::clone(part));
        }
        let expired = parts
            .into_iter()
            .flat_map(|(tenant, parts)| retention(tenant).expired(&parts, now_ms));
        let expired: Vec<String> = expired.collect();
        if !expired.is_empty() {
            self.replace(Vec::new(), &expired, "retention")?;
        }
        Ok(expired.len() as u64)
    }

    /// The oldest time that retention keeps at `now_ms`, if it limits age.
    pub fn cutoff_ms(&self, now_ms: i64) -> Option<i64> {
        self.retention.cutoff_ms(now_ms)
    }

    fn export(&self) {
        let state = self.manifest.state();
        let bytes: u64 = state.parts.iter().map(|part| part.bytes).sum();
        telemetry::PARTS
            .with_label_values(&[self.signal])
            .set(state.parts.len() as i64);
        telemetry::PART_BYTES
            .with_label_values(&[self.signal])
            .set(bytes as i64);
    }
}

/// No record may get an offset that a part already covers.
fn least_free_offset(manifest: &Manifest) -> Offset {
    let state = manifest.state();
    let after_parts = state.parts.iter().map(|part| part.spec.last_offset.next()).max();
    state.covered(LOCAL_PARTITION).max(after_parts.unwrap_or_default())
}

fn remove_orphans(parts: &PartStore, manifest: &Manifest) -> Result<u64, StorageError> {
    let state = manifest.state();
    let live: BTreeSet<&str> = state.parts.iter().map(|part| part.path.as_str()).collect();
    let mut orphans = 0;
    for path in parts.list()? {
        if !live.contains(path.as_str()) {
            tracing::warn!(part = path, "removing a part that no manifest lists");
            parts.remove(&path, "orphan")?;
            orphans += 1;
        }
    }
    Ok(orphans)
}

/// Makes a manifest of the parts found. It covers nothing, so that the whole log is replayed:
/// rows that are in both are recognised by the reader, rows that are in neither do not exist.
fn rebuild(
    parts: &PartStore,
    path: &Path,
    signal: &'static str,
    report: &mut SignalReport,
) -> Result<Manifest, StorageError> {
    let mut found = Vec::new();
    for part in parts.list()? {
        match parts.inspect(&part) {
            Ok(reader) => found.push(reader.meta().clone()),
            Err(error) => {
                tracing::error!(
                    part,
                    error = error_text(&error),
                    "a part could not be read; it is left where it is"
                );
                report.corrupt_parts += 1;
            }
        }
    }
    report.recovered_parts = found.len() as u64;
    if !found.is_empty() {
        tracing::warn!(
            signal,
            parts = found.len(),
            "the manifest was missing and was rebuilt from the parts"
        );
    }
    Manifest::create(path, signal, found)
}
