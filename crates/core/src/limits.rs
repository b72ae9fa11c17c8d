//! Limits of a tenant, under the names Loki uses.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::TenantId;

/// What one tenant may send, keep and ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Most label names a series may have.
    pub max_label_names_per_series: usize,
    /// Longest label name in bytes.
    pub max_label_name_length: usize,
    /// Longest label value in bytes.
    pub max_label_value_length: usize,
    /// Most log streams at once; 0 is no limit.
    pub max_global_streams_per_user: usize,
    /// Longest log line in bytes; 0 is no limit.
    pub max_line_size: usize,
    /// Bytes of log lines and their metadata that may come in a second, on the average; 0 is no limit.
    pub ingestion_rate: u64,
    /// Bytes of log lines that may come at once, where the rate is limited.
    pub ingestion_burst_size: u64,
    /// Most entries one log query may return; 0 is no limit.
    pub max_entries_limit_per_query: usize,
    /// Longest span of time one query may cover; zero is no limit.
    pub max_query_length: Duration,
    /// How long log entries are kept where that is not what the store says; zero keeps them for ever.
    pub retention_period: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_label_names_per_series: 60,
            max_label_name_length: 1024,
            max_label_value_length: 2048,
            max_global_streams_per_user: 10_000,
            max_line_size: 256 * 1024,
            ingestion_rate: 0,
            ingestion_burst_size: 6 * 1024 * 1024,
            max_entries_limit_per_query: 5000,
            max_query_length: Duration::ZERO,
            retention_period: None,
        }
    }
}

/// The limits of all tenants: those of everyone, and those of tenants that have their own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LimitSet {
    /// What holds for a tenant that has none of its own.
    pub everyone: Limits,
    /// Tenants with limits of their own.
    pub tenants: BTreeMap<TenantId, Limits>,
}

/// The limits in force. Clones share them: what a reload sets holds from the next request on.
#[derive(Debug, Clone, Default)]
pub struct TenantLimits {
    set: Arc<RwLock<LimitSet>>,
}

impl TenantLimits {
    /// The same limits for all tenants.
    pub fn uniform(everyone: Limits) -> Self {
        let limits = Self::default();
        limits.replace(LimitSet {
            everyone,
            tenants: BTreeMap::new(),
        });
        limits
    }

    /// What holds for a tenant now.
    pub fn of(&self, tenant: &TenantId) -> Limits {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        set.tenants.get(tenant).copied().unwrap_or(set.everyone)
    }

    /// Puts others in force.
    pub fn replace(&self, set: LimitSet) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_own_limits_stand_before_those_of_everyone() {
        let limits = TenantLimits::default();
        let shared = limits.clone();
        let own = TenantId::new("acme").expect("an id");
        let narrow = Limits {
            max_line_size: 1,
            ..Limits::default()
        };
        limits.replace(LimitSet {
            everyone: Limits::default(),
            tenants: BTreeMap::from([(own.clone(), narrow)]),
        });
        assert_eq!(shared.of(&own), narrow);
        assert_eq!(shared.of(&TenantId::default()), Limits::default());
    }
}
