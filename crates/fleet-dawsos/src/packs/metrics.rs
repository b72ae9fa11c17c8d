//! What the job measures of packs and their builds.

use std::time::Duration;

use prometheus::Registry;
use skopos_sdk::family::HistogramFamily;
use skopos_sdk::freshness::Freshness;

use super::progress::Progress;

/// Upper bounds in seconds. The objective is 600, and what is slower must be told apart.
const BUCKETS: [f64; 13] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
];

#[derive(Debug, Clone)]
pub(super) struct PackMetrics {
    /// State of each pack.
    pub(super) freshness: Freshness,
    /// Seconds of builds that have ended, well or not.
    pub(super) durations: HistogramFamily<1>,
    /// Seconds that builds under way will have taken.
    pub(super) progress: Progress,
}

impl PackMetrics {
    pub(super) fn register(registry: &Registry, stale_after: Duration) -> prometheus::Result<Self> {
        let label = "pack_id";
        Ok(Self {
            freshness: Freshness::register(registry, "dawsos_pack_freshness", label, stale_after)?,
            durations: HistogramFamily::register(
                registry,
                "dawsos_pack_build_duration_seconds",
                "Time of a build of a pricing pack in seconds.",
                [label],
                &BUCKETS,
            )?,
            progress: Progress::register(registry, "dawsos_pack_build_projected_seconds", label)?,
        })
    }
}
