//! Which parts may go: by age, by age of a tenant of its own, by size.

use skopos_core::TenantId;
use skopos_storage::{Retention, StorageError};

use crate::compact::DAY_MS;
use crate::downsample::{Day, resolution_of};
use crate::store::Shared;

impl Shared {
    /// Removes what retention no longer keeps; gives how many parts.
    pub(crate) fn retain(&self, now_ms: i64) -> Result<u64, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let mut gone = 0;
        let mut expired: Vec<String> = Vec::new();
        for ((tenant, number), day) in Day::of_parts(&self.storage.manifest().state().parts) {
            expired.extend(self.expired_samples(&tenant, number, &day, now_ms));
            for part in &day.windows {
                let retention = self.window_retention(&tenant, resolution_of(part));
                expired.extend(retention.expired(std::slice::from_ref(part), now_ms));
            }
        }
        if !expired.is_empty() {
            gone += expired.len() as u64;
            self.storage.replace(Vec::new(), &expired, "retention")?;
        }
        let by_size = Retention {
            size_bytes: self.limits().retention_bytes,
            ..Retention::default()
        };
        let expired = by_size.expired(&self.storage.manifest().state().parts, now_ms);
        if !expired.is_empty() {
            gone += expired.len() as u64;
            self.storage.replace(Vec::new(), &expired, "size")?;
        }
        Ok(gone)
    }

    /// The parts of samples of a day that are too old. Where windows live longer, a day goes as a
    /// whole, and not before it has them all.
    fn expired_samples(&self, tenant: &TenantId, number: i64, day: &Day, now_ms: i64) -> Vec<String> {
        let retention = self.raw_retention(tenant);
        if !self.has_longer_windows(tenant, day, now_ms) {
            return retention.expired(&day.raw, now_ms);
        }
        let end_ms = (number + 1) * DAY_MS;
        let is_old = retention.cutoff_ms(now_ms).is_some_and(|cutoff_ms| end_ms <= cutoff_ms);
        if !is_old || (day.is_whole() && self.waits_for_windows(tenant, number, day, now_ms)) {
            return Vec::new();
        }
        day.raw.iter().map(|part| part.path.clone()).collect()
    }

    /// Whether a day has windows, or gets some.
    fn has_longer_windows(&self, tenant: &TenantId, day: &Day, now_ms: i64) -> bool {
        let raw_ms = self.raw_retention(tenant).cutoff_ms(now_ms);
        let outlives = |resolution_ms| {
            let window_ms = self.window_retention(tenant, resolution_ms).cutoff_ms(now_ms);
            window_ms.is_none_or(|window_ms| raw_ms.is_some_and(|raw_ms| window_ms < raw_ms))
        };
        let makes = self
            .options
            .downsample
            .iter()
            .filter(|options| !options.after.is_zero());
        let lengths = makes.map(|options| options.resolution.as_millis() as i64);
        lengths
            .chain(day.windows.iter().map(|part| resolution_of(part)))
            .any(outlives)
    }
}
