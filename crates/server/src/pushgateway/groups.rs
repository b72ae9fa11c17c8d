//! The groups that are kept, by tenant and grouping labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use parking_lot::Mutex;
use skopos_core::metric::{MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, LabelsBuilder, TenantId};

use super::families::{Families, OWN};
use super::kept;

/// Most groups of a tenant.
const MAX_GROUPS: usize = 10_000;

/// What a push does with what its group has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Replace,
    Merge,
}

/// Why a push is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum PushError {
    /// It contradicts what other groups say of a family.
    #[error("pushed metrics are invalid or inconsistent with existing metrics: {0}")]
    Inconsistent(String),
    /// The tenant has as many groups as it may.
    #[error("the tenant has its {limit} groups of pushed metrics: delete those that are done with")]
    TooManyGroups {
        /// The limit.
        limit: usize,
    },
    /// The group cannot be written to its folder.
    #[error("failed to keep the group in {path}: {source}")]
    Keep {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) families: Families,
    /// When it was pushed last with success, in milliseconds since the Unix epoch; 0 if never.
    pub(super) pushed_ms: i64,
    /// When a push of it failed last; 0 if never.
    pub(super) failed_ms: i64,
    /// When its samples were written last.
    written_ms: i64,
}

impl Group {
    pub(super) fn new(families: Families, pushed_ms: i64, failed_ms: i64) -> Self {
        Self {
            families,
            pushed_ms,
            failed_ms,
            written_ms: 0,
        }
    }

    /// The gateway's own series of the group.
    fn own(&self, labels: &Labels) -> [(Labels, f64); 2] {
        let named = |name: &str| LabelsBuilder::from_labels(labels).set("__name__", name).build();
        let [pushed, failed] = OWN;
        [
            (named(pushed), self.pushed_ms as f64 / 1000.0),
            (named(failed), self.failed_ms as f64 / 1000.0),
        ]
    }

    fn all(&self, labels: &Labels) -> Vec<(Labels, f64)> {
        let series = self.families.values().flat_map(|family| &family.series);
        let series = series.map(|(labels, value)| (labels.clone(), *value));
        series.chain(self.own(labels)).collect()
    }

    /// The samples of the group, unless it has some of that time already.
    fn samples(&mut self, labels: &Labels, now_ms: i64) -> Vec<SeriesBatch> {
        if now_ms <= self.written_ms {
            return Vec::new();
        }
        self.written_ms = now_ms;
        let all = self.all(labels).into_iter();
        all.map(|(labels, value)| sample(labels, now_ms, value)).collect()
    }

    fn metadata(&self) -> Vec<MetricMetadata> {
        let families = self.families.iter();
        families
            .map(|(name, family)| MetricMetadata {
                metric: name.clone(),
                metric_type: family.metric_type,
                help: family.help.clone(),
                unit: String::new(),
            })
            .collect()
    }
}

fn sample(labels: Labels, timestamp_ms: i64, value: f64) -> SeriesBatch {
    SeriesBatch {
        labels,
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(value),
        }],
        ..SeriesBatch::default()
    }
}

/// Groups by tenant and grouping labels.
pub(super) type Groups = BTreeMap<(TenantId, Labels), Group>;

/// All groups, in memory and in their folder.
#[derive(Debug)]
pub(crate) struct PushGroups {
    folder: Option<PathBuf>,
    groups: Mutex<Groups>,
}

impl PushGroups {
    /// Reads the groups of `folder`; without one they live in memory alone. A file that cannot be
    /// read is told and left as it is.
    pub(crate) fn open(folder: Option<PathBuf>) -> Self {
        let groups = folder.as_deref().map(kept::read_all).unwrap_or_default();
        Self {
            folder,
            groups: Mutex::new(groups),
        }
    }

    /// Takes a push in; gives the samples to be written, and markers for series that are gone.
    pub(super) fn push(
        &self,
        tenant: &TenantId,
        labels: &Labels,
        families: Families,
        mode: Mode,
        now_ms: i64,
    ) -> Result<MetricBatch, PushError> {
        let mut groups = self.groups.lock();
        let key = (tenant.clone(), labels.clone());
        check_consistent(&groups, &key, &families)?;
        let before = groups.get(&key);
        if before.is_none() && groups.keys().filter(|(owner, _)| owner == tenant).count() >= MAX_GROUPS {
            return Err(PushError::TooManyGroups { limit: MAX_GROUPS });
        }
        let mut after = before.cloned().unwrap_or_else(|| Group::new(Families::new(), 0, 0));
        match mode {
            Mode::Replace => after.families = families,
            Mode::Merge => after.families.extend(families),
        }
        after.pushed_ms = now_ms;
        if let Some(folder) = &self.folder {
            kept::write(folder, &key, &after)?;
        }
        let mut batch = MetricBatch {
            series: ended(before, Some(&after), labels, now_ms),
            metadata: after.metadata(),
        };
        batch.series.extend(after.samples(labels, now_ms));
        groups.insert(key, after);
        Ok(batch)
    }

    /// Notes that a push of a group failed. Of a group that does not exist nothing is kept.
    pub(super) fn note_failure(&self, tenant: &TenantId, labels: &Labels, now_ms: i64) {
        let mut groups = self.groups.lock();
        if let Some(group) = groups.get_mut(&(tenant.clone(), labels.clone())) {
            group.failed_ms = now_ms;
        }
    }

    /// Deletes a group; gives the markers that end its series.
    pub(super) fn delete(&self, tenant: &TenantId, labels: &Labels, now_ms: i64) -> Result<MetricBatch, PushError> {
        let mut groups = self.groups.lock();
        let key = (tenant.clone(), labels.clone());
        let Entry::Occupied(entry) = groups.entry(key.clone()) else {
            return Ok(MetricBatch::default());
        };
        if let Some(folder) = &self.folder {
            kept::remove(folder, &key)?;
        }
        let group = entry.remove();
        Ok(MetricBatch {
            series: ended(Some(&group), None, labels, now_ms.max(group.written_ms + 1)),
            metadata: Vec::new(),
        })
    }

    /// Deletes all groups of a tenant in one step; gives the markers that end their series, and the first
    /// group whose file could not be removed, which stays with those after it.
    pub(super) fn wipe(&self, tenant: &TenantId, now_ms: i64) -> (MetricBatch, Result<(), PushError>) {
        let mut groups = self.groups.lock();
        let keys: Vec<_> = groups.keys().filter(|(owner, _)| owner == tenant).cloned().collect();
        let mut batch = MetricBatch::default();
        for key in keys {
            let removed = self.folder.as_ref().map_or(Ok(()), |folder| kept::remove(folder, &key));
            if removed.is_err() {
                return (batch, removed);
            }
            if let Some(group) = groups.remove(&key) {
                let at_ms = now_ms.max(group.written_ms + 1);
                batch.series.extend(ended(Some(&group), None, &key.1, at_ms));
            }
        }
        (batch, Ok(()))
    }

    /// The samples of all groups, by tenant.
    pub(super) fn refresh(&self, now_ms: i64) -> BTreeMap<TenantId, MetricBatch> {
        let mut batches: BTreeMap<TenantId, MetricBatch> = BTreeMap::new();
        for ((tenant, labels), group) in self.groups.lock().iter_mut() {
            let batch = batches.entry(tenant.clone()).or_default();
            batch.series.extend(group.samples(labels, now_ms));
        }
        batches
    }

    /// A copy of a tenant's groups.
    pub(super) fn of(&self, tenant: &TenantId) -> Vec<(Labels, Group)> {
        let groups = self.groups.lock();
        let own = groups.iter().filter(|((owner, _), _)| owner == tenant);
        own.map(|((_, labels), group)| (labels.clone(), group.clone()))
            .collect()
    }
}

/// Markers for the series of `before` that `after` has not.
fn ended(before: Option<&Group>, after: Option<&Group>, labels: &Labels, now_ms: i64) -> Vec<SeriesBatch> {
    let Some(before) = before else { return Vec::new() };
    let mut gone: BTreeMap<Labels, f64> = before.all(labels).into_iter().collect();
    for (labels, _) in after.iter().flat_map(|after| after.all(labels)) {
        gone.remove(&labels);
    }
    let gone = gone.into_keys();
    gone.map(|labels| sample(labels, now_ms, STALE_NAN)).collect()
}

/// A family has one type in all groups of a tenant.
fn check_consistent(groups: &Groups, key: &(TenantId, Labels), pushed: &Families) -> Result<(), PushError> {
    let others = groups.iter().filter(|(other, _)| other.0 == key.0 && *other != key);
    for (other, group) in others {
        for (name, family) in pushed {
            let known = group.families.get(name).map(|known| known.metric_type);
            let clash = known.filter(|known| *known != family.metric_type && *known != MetricType::Unknown);
            if let Some(known) = clash.filter(|_| family.metric_type != MetricType::Unknown) {
                return Err(PushError::Inconsistent(format!(
                    "metric family {name:?} has type {} where group {} has type {known}",
                    family.metric_type, other.1
                )));
            }
        }
    }
    Ok(())
}
