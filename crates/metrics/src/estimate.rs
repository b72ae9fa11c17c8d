//! What a read would touch: counted over the head and the indexes of parts, without reading samples.

use std::collections::{BTreeMap, HashSet};

use skopos_core::metric::{ReadEstimate, Selection};
use skopos_core::{Labels, ReadError};

use crate::downsample::{reach, resolution_of};
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
    let mut downsampled_parts: BTreeMap<i64, u64> = BTreeMap::new();
    for meta in tenant
        .shared
        .choose_parts(&tenant.tenant, &selection.range, selection.resolution)
    {
        let resolution_ms = resolution_of(&meta);
        let range = reach(&selection.range, resolution_ms);
        let index = tenant.shared.indexes.get(&tenant.shared.storage, &meta);
        let Some(index) = index.map_err(|error| read_error(&meta.path, &error))? else {
            continue;
        };
        let mut wanted = 0;
        for number in index.select(selection.matchers) {
            let rows = index.rows_of(number).filter_map(|row| index.row(row));
            let rows = rows.filter(|row| row.range.overlaps(&range)).count();
            if rows > 0 {
                series.insert(index.labels(number));
                wanted += rows as u64;
            }
        }
        if wanted > 0 {
            parts += 1;
            if resolution_ms > 0 {
                *downsampled_parts.entry(resolution_ms).or_default() += 1;
            }
            bytes += share(meta.bytes, wanted, meta.rows);
        }
    }
    Ok(ReadEstimate {
        series: series.len() as u64,
        samples: (parts == 0).then_some(samples),
        bytes: Some(bytes),
        parts: Some(parts),
        downsampled_parts,
    })
}

/// The bytes of some rows of a part, as if all rows were alike.
pub(crate) fn share(bytes: u64, wanted: u64, rows: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(wanted) / u128::from(rows.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}
