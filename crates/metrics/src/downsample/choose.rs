//! Which parts of a day a read takes: samples, or windows of some length.

use std::sync::Arc;

use skopos_core::metric::ResolutionLimit;
use skopos_core::{TenantId, TimeRange};
use skopos_storage::PartMeta;

use super::{Day, resolution_of};
use crate::store::Shared;

impl Shared {
    /// The parts that answer for the range, by path. Parts of windows may hold what a window ends
    /// in it, begins in it, or comes next before it.
    pub(crate) fn choose_parts(
        &self,
        tenant: &TenantId,
        range: &TimeRange,
        limit: ResolutionLimit,
    ) -> Vec<Arc<PartMeta>> {
        let state = self.storage.manifest().state();
        let of_tenant = || state.parts.iter().filter(|part| part.spec.tenant == *tenant);
        let longest_ms = of_tenant().map(|part| resolution_of(part)).max().unwrap_or(0);
        let mut chosen: Vec<Arc<PartMeta>> = Vec::new();
        if longest_ms == 0 {
            chosen.extend(of_tenant().filter(|part| part.overlaps(range)).cloned());
            return chosen;
        }
        let reach = reach(range, longest_ms);
        for day in Day::of_parts(of_tenant().filter(|part| part.overlaps(&reach))).into_values() {
            let (windows, raw) = self.choose_of_day(&day, limit);
            let raw = raw.into_iter().filter(|part| part.overlaps(range));
            chosen.extend(raw.chain(windows).cloned());
        }
        chosen.sort_by(|a, b| a.path.cmp(&b.path));
        chosen
    }

    /// The windows that stand for the samples of a day, if any do, and the samples to read.
    fn choose_of_day<'a>(
        &self,
        day: &'a Day,
        limit: ResolutionLimit,
    ) -> (Option<&'a Arc<PartMeta>>, Vec<&'a Arc<PartMeta>>) {
        let shortest_first = |windows: &mut Vec<&'a Arc<PartMeta>>| windows.sort_by_key(|part| resolution_of(part));
        let is_preferred = |part: &&&Arc<PartMeta>| resolution_of(part) <= limit.preferred_ms;
        if day.is_whole() {
            let is_current =
                |part: &&Arc<PartMeta>| day.is_covered_by(part) && self.tombstones.of_part(part).is_empty();
            let mut current: Vec<&Arc<PartMeta>> = day.windows.iter().filter(is_current).collect();
            shortest_first(&mut current);
            return match current.iter().rfind(is_preferred) {
                Some(windows) => (Some(*windows), Vec::new()),
                None => (None, day.raw.iter().collect()),
            };
        }
        let allowed = day.windows.iter().filter(|part| resolution_of(part) <= limit.max_ms);
        let mut allowed: Vec<&Arc<PartMeta>> = allowed.collect();
        shortest_first(&mut allowed);
        let windows = allowed.iter().rfind(is_preferred).or(allowed.first()).copied();
        // Samples that came when others of the day were gone.
        let inputs = windows.and_then(|part| part.spec.aggregate.as_ref());
        let is_other = |part: &&Arc<PartMeta>| !inputs.is_some_and(|of| of.inputs.contains(&part.path));
        (windows, day.raw.iter().filter(is_other).collect())
    }
}

/// The times of which windows of a length may matter to a range.
pub(crate) fn reach(range: &TimeRange, resolution_ms: i64) -> TimeRange {
    TimeRange::new(
        range.start_ms.saturating_sub(resolution_ms),
        range.end_ms.saturating_add(resolution_ms),
    )
}
