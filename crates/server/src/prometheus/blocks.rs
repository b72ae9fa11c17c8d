//! `/api/v1/status/tsdb/blocks`: the stored parts, told as blocks.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_core::metric::StoredBlock;
use ulid::Ulid;

use super::envelope::{ApiError, success};
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;

/// Version of Prometheus' `meta.json`.
const META_VERSION: u32 = 1;

/// The meta data of each part.
pub(crate) async fn list(State(app): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, ApiError> {
    let admin = app.state.stores.tenant(&tenant).metric_admin;
    let found = query::run(&app, QueryText::new("metadata", "status/tsdb/blocks"), move |_| {
        admin.blocks()
    })
    .await?;
    Ok(success(json!({ "blocks": found.iter().map(meta).collect::<Vec<_>>() })))
}

/// A block under the names of `meta.json`; there the last millisecond is not in the block. Resolution has the name that
/// Thanos gives it.
fn meta(block: &StoredBlock) -> Value {
    let ulid = ulid(block);
    json!({
        "ulid": ulid,
        "minTime": block.range.start_ms,
        "maxTime": block.range.end_ms.saturating_add(1),
        "stats": {
            "numSamples": block.samples,
            "numSeries": block.series,
            "numChunks": block.chunks,
            "numBytes": block.bytes,
        },
        "compaction": { "level": block.level, "sources": [ulid] },
        "thanos": { "downsample": { "resolution": block.resolution_ms } },
        "version": META_VERSION,
    })
}

/// The same part has the same identifier as long as it lives: its time, and its digest.
fn ulid(block: &StoredBlock) -> String {
    let time_ms = u64::try_from(block.range.end_ms).unwrap_or(0);
    Ulid::from_parts(time_ms, block.digest).to_string()
}

#[cfg(test)]
mod tests {
    use skopos_core::TimeRange;

    use super::*;

    #[test]
    fn a_part_is_told_as_a_block() {
        let block = StoredBlock {
            digest: 7,
            range: TimeRange::new(1_000, 1_999),
            level: 2,
            resolution_ms: 300_000,
            series: 3,
            samples: 40,
            chunks: 5,
            bytes: 600,
        };
        let told = meta(&block);
        assert_eq!((&told["minTime"], &told["maxTime"]), (&json!(1_000), &json!(2_000)));
        let ulid: Ulid = told["ulid"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("an ULID");
        assert_eq!((ulid.timestamp_ms(), ulid.random()), (1_999, 7));
        assert_eq!(told["stats"]["numSamples"], 40);
        assert_eq!(told["compaction"]["level"], 2);
        assert_eq!(told["thanos"]["downsample"]["resolution"], 300_000);
    }
}
