//! The order of a head's series by their labels, kept from one reading to the next: comparing label
//! sets costs more than decoding some samples.

use std::cmp::Ordering;

use parking_lot::RwLock;
use skopos_core::Labels;

use super::table::SeriesTable;
use crate::record::SeriesRef;

/// Rank of a series that came since the order was made.
const UNKNOWN: u32 = u32::MAX;
/// Unknown series among those to sort for which the order is made anew, at least.
const MAX_UNKNOWN: usize = 256;

/// Ranks of series by their number. They outlive what changes around them: series that stay keep
/// their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    ranks: RwLock<Vec<u32>>,
}

impl Order {
    /// Sorts series of the table by their labels.
    pub(super) fn sort(&self, table: &SeriesTable, references: Vec<SeriesRef>) -> Vec<SeriesRef> {
        let sorted = {
            let ranks = self.ranks.read();
            let unknown = references.iter().filter(|of| rank(&ranks, **of) == UNKNOWN).count();
            (unknown <= MAX_UNKNOWN.min(references.len() / 8)).then(|| sort(&ranks, table, references.clone()))
        };
        if let Some(sorted) = sorted {
            return sorted;
        }
        let mut ranks = self.ranks.write();
        let all = sort(&ranks, table, table.iter().map(|(reference, _)| reference).collect());
        let length = all.iter().max().map_or(0, |last| *last as usize + 1);
        ranks.clear();
        ranks.resize(length, UNKNOWN);
        for (rank, reference) in (0..).zip(all) {
            ranks[reference as usize] = rank;
        }
        sort(&ranks, table, references)
    }

    /// Forgets a series whose number may be given to another.
    pub(super) fn remove(&mut self, reference: SeriesRef) {
        if let Some(rank) = self.ranks.get_mut().get_mut(reference as usize) {
            *rank = UNKNOWN;
        }
    }
}

fn rank(ranks: &[u32], reference: SeriesRef) -> u32 {
    ranks.get(reference as usize).copied().unwrap_or(UNKNOWN)
}

/// Sorts by rank, then merges those without one by their labels.
fn sort(ranks: &[u32], table: &SeriesTable, references: Vec<SeriesRef>) -> Vec<SeriesRef> {
    let labels = |reference: &SeriesRef| -> Option<&Labels> { Some(&table.get(*reference)?.labels) };
    let (mut known, mut unknown): (Vec<_>, Vec<_>) = references
        .into_iter()
        .partition(|reference| rank(ranks, *reference) != UNKNOWN);
    known.sort_unstable_by_key(|reference| rank(ranks, *reference));
    unknown.sort_unstable_by(|a, b| labels(a).cmp(&labels(b)));
    if unknown.is_empty() {
        return known;
    }
    let mut merged = Vec::with_capacity(known.len() + unknown.len());
    let mut known = &known[..];
    for reference in unknown {
        let wanted = labels(&reference);
        let before = known.partition_point(|other| labels(other).cmp(&wanted) == Ordering::Less);
        merged.extend_from_slice(&known[..before]);
        merged.push(reference);
        known = &known[before..];
    }
    merged.extend_from_slice(known);
    merged
}
