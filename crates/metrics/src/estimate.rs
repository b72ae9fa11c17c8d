//! What a read would touch: counted over the head and the indexes of parts, without reading samples.

use std::collections::HashSet;

use skopos_core::metric::{ReadEstimate, Selection};
use skopos_core::{Labels, ReadError, matcher};

use crate::tenant::{TenantMetrics, read_error};

/// Counts the series, and for parts the bytes in proportion to their rows. Samples are known where
/// all lie in the head.
pub(crate) fn estimate(tenant: &TenantMetrics, selection: &Selection<'_>) -> Result<ReadEstimate, ReadError> {
    let mut series: HashSet<Labels> = HashSet::new();
    let mut samples = 0;
    for found in tenant
        .shared
        .head(&tenant.tenant)
        .read()
        .matching(selection.matchers)
        .filter(|found| found.overlaps(selection.range))
    {
        series.insert(found.labels.clone());
        samples += found.len() as u64;
    }
    let (mut parts, mut bytes) = (0, 0);
    for meta in tenant.shared.storage.live_parts(&tenant.tenant, &selection.range) {
        let index = tenant.shared.part_index(&meta);
        let Some(index) = index.map_err(|error| read_error(&meta.path, &error))? else {
            continue;
        };
        let rows = index
            .rows
            .iter()
            .filter(|row| row.range.overlaps(&selection.range) && matcher::all_match(selection.matchers, &row.labels));
        let mut wanted = 0;
        for row in rows {
            series.insert(row.labels.clone());
            wanted += 1;
        }
        if wanted > 0 {
            parts += 1;
            bytes += share(meta.bytes, wanted, meta.rows);
        }
    }
    Ok(ReadEstimate {
        series: series.len() as u64,
        samples: (parts == 0).then_some(samples),
        bytes: Some(bytes),
        parts: Some(parts),
    })
}

/// The bytes of some rows of a part, as if all rows were alike.
pub(crate) fn share(bytes: u64, wanted: u64, rows: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(wanted) / u128::from(rows.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}
