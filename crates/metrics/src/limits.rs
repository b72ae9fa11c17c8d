//! What a store keeps and takes, which may change while it is open.

use std::time::Duration;

/// Exemplars kept of a tenant in memory, unless the configuration says otherwise.
const MAX_EXEMPLARS: usize = 20_000;

/// What a store keeps and takes. [`MetricStore::set_limits`](crate::MetricStore::set_limits) changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// How long samples are kept; zero keeps them for ever.
    pub retention: Duration,
    /// Bytes of parts beyond which the oldest go; zero is no limit.
    pub retention_bytes: u64,
    /// How far a sample may lie behind the newest of its series; zero refuses older ones.
    pub out_of_order_window: Duration,
    /// Most exemplars of a tenant in the head, of which the oldest go first.
    pub max_exemplars: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            retention: Duration::ZERO,
            retention_bytes: 0,
            out_of_order_window: Duration::ZERO,
            max_exemplars: MAX_EXEMPLARS,
        }
    }
}
