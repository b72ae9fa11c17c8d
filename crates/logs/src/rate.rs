//! How fast a tenant may send: a bucket of bytes that fills at the tenant's rate up to its burst.

use hashbrown::HashMap;
use skopos_core::TenantId;
use skopos_core::limits::Limits;
use skopos_core::log::{LogBatch, LogEntry};

use crate::check::Refused;

/// Reason under which a batch is refused that came too fast.
const RATE_LIMITED: &str = "rate_limited";

/// The buckets of the tenants that sent something while a rate held for them.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: HashMap<TenantId, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    bytes: f64,
    filled_ms: i64,
}

impl Rates {
    /// Takes the batch's bytes from the tenant's bucket, or says why the batch as a whole is refused: then the bucket
    /// is left as it is. Lines that would be refused for another reason count too.
    pub(crate) fn take(
        &mut self,
        tenant: &TenantId,
        batch: &LogBatch,
        limits: &Limits,
        now_ms: i64,
    ) -> Option<Refused> {
        if limits.ingestion_rate == 0 {
            self.buckets.remove(tenant);
            return None;
        }
        let (rate, burst) = (limits.ingestion_rate as f64, limits.ingestion_burst_size as f64);
        let full = Bucket {
            bytes: burst,
            filled_ms: now_ms,
        };
        let bucket = self.buckets.entry(tenant.clone()).or_insert(full);
        let elapsed_ms = now_ms.saturating_sub(bucket.filled_ms).max(0);
        bucket.bytes = (bucket.bytes + rate * elapsed_ms as f64 / 1000.0).min(burst);
        bucket.filled_ms = now_ms;
        let entries = || batch.streams.iter().flat_map(|stream| &stream.entries);
        let bytes: u64 = entries().map(LogEntry::size_bytes).sum();
        if bytes as f64 <= bucket.bytes {
            bucket.bytes -= bytes as f64;
            return None;
        }
        let text = format!(
            "ingestion rate limit exceeded for user '{tenant}' (limit: {} bytes/sec) while attempting to ingest '{}' lines totaling '{bytes}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased",
            limits.ingestion_rate,
            entries().count(),
        );
        Some((RATE_LIMITED, text))
    }
}

#[cfg(test)]
mod tests {
    use skopos_core::Labels;
    use skopos_core::log::StreamBatch;

    use super::*;

    fn batch(bytes: usize) -> LogBatch {
        let entry = LogEntry {
            timestamp_ns: 1,
            line: "x".repeat(bytes),
            structured_metadata: Labels::default(),
        };
        LogBatch {
            streams: vec![StreamBatch {
                labels: Labels::from_pairs([("job", "a")]),
                entries: vec![entry],
            }],
        }
    }

    #[test]
    fn a_bucket_empties_by_what_comes_and_fills_with_time() {
        let limits = Limits {
            ingestion_rate: 100,
            ingestion_burst_size: 200,
            ..Limits::default()
        };
        let (mut rates, tenant) = (Rates::default(), TenantId::default());
        let mut is_taken = |bytes, now_ms| rates.take(&tenant, &batch(bytes), &limits, now_ms).is_none();
        assert!(is_taken(150, 0));
        assert!(!is_taken(51, 0), "the burst is used up");
        assert!(is_taken(50, 0), "what was refused took nothing");
        assert!(!is_taken(100, 990), "99 bytes have come back");
        assert!(is_taken(100, 1000));
        assert!(!is_taken(201, 1_000_000), "never more than the burst at once");
        assert!(is_taken(200, 1_000_000));
    }

    #[test]
    fn one_tenant_does_not_use_up_anothers_bucket() {
        let limits = Limits {
            ingestion_rate: 1,
            ingestion_burst_size: 10,
            ..Limits::default()
        };
        let mut rates = Rates::default();
        let acme = TenantId::new("acme").expect("an id");
        assert!(rates.take(&TenantId::default(), &batch(10), &limits, 0).is_none());
        assert!(rates.take(&acme, &batch(10), &limits, 0).is_none());
        let (reason, text) = rates.take(&acme, &batch(1), &limits, 0).expect("refused");
        assert_eq!(reason, "rate_limited");
        assert!(text.contains("'acme' (limit: 1 bytes/sec)"), "{text}");
    }
}
