//! Which parts may go: by age, by age of a tenant of its own, by size.

use skopos_storage::{Retention, StorageError};

use crate::store::Shared;

impl Shared {
    /// Removes what retention no longer keeps; gives how many parts.
    pub(crate) fn retain(&self, now_ms: i64) -> Result<u64, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let mut gone = 0;
        let state = self.storage.manifest().state();
        let mut expired: Vec<String> = Vec::new();
        for tenant in self.storage.tenants() {
            let age = self.options.tenant_retention.get(&tenant).copied();
            let retention = Retention::by_age(age.unwrap_or(self.options.retention));
            let parts = state.parts.iter().filter(|part| part.spec.tenant == tenant);
            expired.extend(retention.expired(&parts.cloned().collect::<Vec<_>>(), now_ms));
        }
        if !expired.is_empty() {
            gone += expired.len() as u64;
            self.storage.replace(Vec::new(), &expired, "retention")?;
        }
        let by_size = Retention {
            size_bytes: self.options.retention_bytes,
            ..Retention::default()
        };
        let expired = by_size.expired(&self.storage.manifest().state().parts, now_ms);
        if !expired.is_empty() {
            gone += expired.len() as u64;
            self.storage.replace(Vec::new(), &expired, "size")?;
        }
        Ok(gone)
    }
}
