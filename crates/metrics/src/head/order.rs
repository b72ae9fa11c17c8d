//! The order of a head's series by their labels, kept from one reading to the next: comparing label
//! sets costs more than decoding some samples.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::RwLock;
use skopos_core::Labels;

use super::table::SeriesTable;
use crate::record::SeriesRef;

/// Rank of a series that came since the order was made.
const UNKNOWN: u32 = u32::MAX;
/// The order is made anew when as many unknown series were sorted as this part of all, so that readings pay for it in the
/// measure in which they had use of it: a reading of nine series does not sort a hundred thousand.
const RENEWED_AT: usize = 8;

/// Ranks of series by their number. They outlive what changes around them: series that stay keep
/// their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    ranks: RwLock<Vec<u32>>,
    /// Unknown series that were sorted since the order was made, each as often as it was.
    unknown: AtomicUsize,
}

impl Order {
    /// Sorts series of the table by their labels.
    pub(super) fn sort(&self, table: &SeriesTable, references: Vec<SeriesRef>) -> Vec<SeriesRef> {
        {
            let ranks = self.ranks.read();
            let unknown = references.iter().filter(|of| rank(&ranks, **of) == UNKNOWN).count();
            let so_far = self.unknown.fetch_add(unknown, Relaxed) + unknown;
            if unknown == 0 || so_far <= table.len() / RENEWED_AT {
                return sort(&ranks, table, references);
            }
        }
        let mut ranks = self.ranks.write();
        let all = sort(&ranks, table, table.iter().map(|(reference, _)| reference).collect());
        let length = all.iter().max().map_or(0, |last| *last as usize + 1);
        ranks.clear();
        ranks.resize(length, UNKNOWN);
        for (rank, reference) in (0..).zip(all) {
            ranks[reference as usize] = rank;
        }
        self.unknown.store(0, Relaxed);
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

#[cfg(test)]
mod tests {
    use skopos_core::Labels;

    use super::{Order, SeriesTable};
    use crate::record::SeriesRef;
    use crate::series::MemSeries;

    /// Series whose numbers run against their order.
    fn table(count: u32) -> SeriesTable {
        let mut table = SeriesTable::default();
        for number in (0..count).rev() {
            let labels = Labels::from_pairs([("__name__", "up"), ("instance", &format!("{number:04}"))]);
            table.insert(MemSeries::new(labels)).expect("numbers are left");
        }
        table
    }

    fn sorted(order: &Order, table: &SeriesTable, references: std::ops::Range<SeriesRef>) -> Vec<SeriesRef> {
        order.sort(table, references.collect())
    }

    #[test]
    fn the_order_is_made_when_many_series_were_sorted_without() {
        let (order, table) = (Order::default(), table(80));
        assert_eq!(sorted(&order, &table, 0..9), (0..9).rev().collect::<Vec<_>>());
        assert!(order.ranks.read().is_empty(), "nine of eighty are sorted by themselves");
        assert_eq!(sorted(&order, &table, 0..9), (0..9).rev().collect::<Vec<_>>());
        assert_eq!(
            order.ranks.read().len(),
            80,
            "the second time they cost more than a tenth of all"
        );
    }

    #[test]
    fn series_that_came_since_are_sorted_among_the_others() {
        let (order, mut table) = (Order::default(), table(80));
        assert_eq!(sorted(&order, &table, 0..80), (0..80).rev().collect::<Vec<_>>());
        let late = Labels::from_pairs([("__name__", "up"), ("instance", "0041b")]);
        let late = table.insert(MemSeries::new(late)).expect("a number is left");
        let expected: Vec<SeriesRef> = (0..80)
            .rev()
            .flat_map(|at| if at == 38 { vec![38, late] } else { vec![at] })
            .collect();
        assert_eq!(sorted(&order, &table, 0..81), expected);
        assert_eq!(order.ranks.read().len(), 80, "one is no reason to make it anew");
    }
}
