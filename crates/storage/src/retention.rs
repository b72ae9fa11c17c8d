//! Which parts may go: by age, and by size where a budget is given. It only chooses; removing is
//! the business of the caller.

use std::sync::Arc;
use std::time::Duration;

use crate::part::PartMeta;

/// How long and how much to keep of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Age at which data goes; zero keeps it.
    pub age: Duration,
    /// Bytes of parts beyond which the oldest go; zero is no limit.
    pub size_bytes: u64,
}

impl Retention {
    /// Keeps data for `age`; zero keeps it for ever.
    pub const fn by_age(age: Duration) -> Self {
        Self { age, size_bytes: 0 }
    }

    /// The oldest time that is kept, if age limits it.
    pub fn cutoff_ms(&self, now_ms: i64) -> Option<i64> {
        let age_ms = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        (age_ms > 0).then(|| now_ms.saturating_sub(age_ms))
    }

    /// Paths of the parts that have to go at `now_ms`.
    pub fn expired(&self, parts: &[Arc<PartMeta>], now_ms: i64) -> Vec<String> {
        let cutoff_ms = self.cutoff_ms(now_ms).unwrap_or(i64::MIN);
        let mut newest_first: Vec<&Arc<PartMeta>> = parts.iter().collect();
        newest_first.sort_by_key(|part| std::cmp::Reverse(part.spec.max_time_ms));
        let mut kept_bytes = 0u64;
        let mut expired = Vec::new();
        for part in newest_first {
            kept_bytes = kept_bytes.saturating_add(part.bytes);
            let is_over_budget = self.size_bytes > 0 && kept_bytes > self.size_bytes;
            if part.spec.max_time_ms < cutoff_ms || is_over_budget {
                expired.push(part.path.clone());
            }
        }
        expired
    }
}
