//! Old days in windows of time: what is kept of the samples of each window, so that long ranges are
//! answered from little data, and days whose samples are gone are answered at all.
//!
//! A day that is over gets a part of windows for each resolution, beside its parts of samples.
//! [`summarise`] makes windows of samples, [`make`] parts of them, [`choose`] says which parts of a
//! day a read takes. A part of windows lists the parts it was made of: it stands for them as long as
//! there are no others, and alone once they are gone.

mod choose;
mod clean;
mod make;
mod summarise;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use skopos_core::TenantId;
use skopos_storage::day::day_number;
use skopos_storage::{Aggregate, PartMeta, Retention};

use crate::store::Shared;

pub(crate) use choose::reach;
pub(crate) use windows::Windows;

/// Windows of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownsampleOptions {
    /// Length of the windows; a day holds a whole number of them.
    pub resolution: Duration,
    /// Age of a day at which it gets them; zero makes none.
    pub after: Duration,
    /// How long they are kept, zero for ever; `None` as long as the samples.
    pub retention: Option<Duration>,
    /// The same for tenants that have a time of their own.
    pub tenant_retention: BTreeMap<TenantId, Duration>,
}

impl DownsampleOptions {
    /// Windows that are made of days of some age, and kept as long as samples.
    pub fn new(resolution: Duration, after: Duration) -> Self {
        Self {
            resolution,
            after,
            retention: None,
            tenant_retention: BTreeMap::new(),
        }
    }

    fn resolution_ms(&self) -> i64 {
        self.resolution.as_millis() as i64
    }
}

impl Shared {
    /// How long samples of a tenant are kept.
    pub(crate) fn raw_retention(&self, tenant: &TenantId) -> Retention {
        let own = self.options.tenant_retention.get(tenant).copied();
        Retention::by_age(own.unwrap_or_else(|| self.limits().retention))
    }

    /// How long windows of a tenant are kept. A tenant with a time of its own for samples has that
    /// for windows too, unless it says another.
    pub(crate) fn window_retention(&self, tenant: &TenantId, resolution_ms: i64) -> Retention {
        let options = self.options.downsample.iter();
        let Some(options) = options.into_iter().find(|of| of.resolution_ms() == resolution_ms) else {
            return self.raw_retention(tenant);
        };
        let age = match options.tenant_retention.get(tenant) {
            Some(own) => Some(*own),
            None if self.options.tenant_retention.contains_key(tenant) => None,
            None => options.retention,
        };
        age.map_or_else(|| self.raw_retention(tenant), Retention::by_age)
    }
}

/// The parts of one tenant and day.
#[derive(Debug, Default)]
pub(crate) struct Day {
    /// Parts of samples.
    pub(crate) raw: Vec<Arc<PartMeta>>,
    /// Parts of windows.
    pub(crate) windows: Vec<Arc<PartMeta>>,
}

impl Day {
    /// Sorts parts by tenant and day.
    pub(crate) fn of_parts<'a>(parts: impl IntoIterator<Item = &'a Arc<PartMeta>>) -> BTreeMap<(TenantId, i64), Self> {
        let mut days: BTreeMap<(TenantId, i64), Self> = BTreeMap::new();
        for part in parts {
            let key = (part.spec.tenant.clone(), day_number(part.spec.max_time_ms));
            let day = days.entry(key).or_default();
            if part.spec.aggregate.is_some() {
                day.windows.push(Arc::clone(part));
            } else {
                day.raw.push(Arc::clone(part));
            }
        }
        days
    }

    /// Whether all samples are there that any of the windows were made of.
    pub(crate) fn is_whole(&self) -> bool {
        let is_live = |path: &String| self.raw.iter().any(|part| part.path == *path);
        let mut inputs = self.windows.iter().filter_map(|part| part.spec.aggregate.as_ref());
        inputs.all(|aggregate| aggregate.inputs.iter().all(is_live))
    }

    /// Whether windows were made of all samples that there are.
    pub(crate) fn is_covered_by(&self, windows: &PartMeta) -> bool {
        let of = windows.spec.aggregate.as_ref();
        let covers = |path: &String| of.is_some_and(|aggregate| aggregate.inputs.contains(path));
        self.raw.iter().all(|part| covers(&part.path))
    }

    /// The windows of a length.
    pub(crate) fn windows_of(&self, resolution_ms: i64) -> Option<&Arc<PartMeta>> {
        self.windows.iter().find(|part| resolution_of(part) == resolution_ms)
    }
}

/// The length of a part's windows in milliseconds, 0 for samples.
pub(crate) fn resolution_of(part: &PartMeta) -> i64 {
    part.spec
        .aggregate
        .as_ref()
        .map_or(0, |aggregate: &Aggregate| aggregate.resolution_ms)
}
