//! Paths of parts within the object store.

use super::PartSpec;
use crate::day::day_name;

/// Ending of a part's name.
pub(super) const EXTENSION: &str = ".parquet";
/// Added to the name of a part that was set aside.
pub(super) const CORRUPT_SUFFIX: &str = ".corrupt";

/// `<tenant>/<signal>/<yyyy-mm-dd>/<level>-<partition>-<first offset>-<last offset>.parquet`; before the
/// ending of aggregates stands `-<seconds>s`, the length of their windows.
pub(super) fn part_path(signal: &str, spec: &PartSpec) -> String {
    let PartSpec {
        tenant,
        level,
        partition,
        first_offset,
        last_offset,
        min_time_ms,
        aggregate,
        ..
    } = spec;
    let day = day_name(*min_time_ms);
    let windows = aggregate
        .as_ref()
        .map_or_else(String::new, |aggregate| format!("-{}s", aggregate.resolution_ms / 1000));
    format!("{tenant}/{signal}/{day}/{level}-{partition}-{first_offset}-{last_offset}{windows}{EXTENSION}")
}
