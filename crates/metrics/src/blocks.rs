//! The parts of a tenant, described as Prometheus describes its blocks.

use skopos_core::metric::StoredBlock;
use skopos_core::{ReadError, TimeRange};
use skopos_storage::PartMeta;

use crate::tenant::{TenantMetrics, read_error};

/// Describes each live part by its index; one that goes away meanwhile is left out.
pub(crate) fn blocks(tenant: &TenantMetrics) -> Result<Vec<StoredBlock>, ReadError> {
    let shared = &tenant.shared;
    let mut blocks = Vec::new();
    for meta in shared.storage.live_parts(&tenant.tenant, &TimeRange::ALL) {
        let index = shared.indexes.get(&shared.storage, &meta);
        let Some(index) = index.map_err(|error| read_error(&meta.path, &error))? else {
            continue;
        };
        blocks.push(StoredBlock {
            digest: digest(&meta),
            range: TimeRange::new(meta.spec.min_time_ms, meta.spec.max_time_ms),
            level: u32::from(meta.spec.level) + 1,
            resolution_ms: meta.spec.aggregate.as_ref().map_or(0, |made| made.resolution_ms),
            series: index.len() as u64,
            samples: index.sample_count(),
            chunks: meta.rows,
            bytes: meta.bytes,
        });
    }
    blocks.sort_by_key(|block| (block.range.start_ms, block.range.end_ms, block.digest));
    Ok(blocks)
}

/// The manifest has digests as hexadecimal text.
fn digest(meta: &PartMeta) -> u128 {
    u128::from_str_radix(&meta.digest, 16).unwrap_or_default()
}
