//! The order of a head's series by their labels, kept from one reading to the next: comparing label
//! sets costs more than decoding some samples.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::RwLock;
use skopos_core::Labels;

use super::table::SeriesTable;
use crate::record::SeriesRef;

/// Rank of a series that no reading has put in order yet.
const UNKNOWN: u32 = u32::MAX;
/// Unknown series are put in order when as many were sorted as this part of the known ones, so that readings pay for it in the
/// measure in which they had use of it: a reading of nine series does not number a hundred thousand anew.
const RENEWED_AT: usize = 8;

/// Series in order. It outlives what changes around them: series that stay keep their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    known: RwLock<Known>,
    /// Unknown series that were sorted since some were last put in order, each as often as it was.
    unknown: AtomicUsize,
}

/// The series that were read.
#[derive(Debug, Default)]
struct Known {
    /// Places in `sorted`, by the series' number.
    ranks: Vec<u32>,
    /// In the order of their labels; a series that is gone keeps a place that is no longer its rank.
    sorted: Vec<SeriesRef>,
}

impl Order {
    /// Sorts series of the table by their labels.
    pub(super) fn sort(&self, table: &SeriesTable, references: Vec<SeriesRef>) -> Vec<SeriesRef> {
        let (sorted, unknown) = {
            let known = self.known.read();
            let (with_rank, unknown) = known.parted(table, references);
            let so_far = self.unknown.fetch_add(unknown.len(), Relaxed) + unknown.len();
            let is_enough = so_far > known.sorted.len() / RENEWED_AT;
            let sorted = merged(table, &with_rank, &unknown);
            (sorted, unknown.into_iter().filter(|_| is_enough).collect::<Vec<_>>())
        };
        if !unknown.is_empty() {
            self.known.write().add(table, &unknown);
            self.unknown.store(0, Relaxed);
        }
        sorted
    }

    /// Forgets a series whose number may be given to another.
    pub(super) fn remove(&mut self, reference: SeriesRef) {
        if let Some(rank) = self.known.get_mut().ranks.get_mut(reference as usize) {
            *rank = UNKNOWN;
        }
    }
}

impl Known {
    fn rank(&self, reference: SeriesRef) -> u32 {
        self.ranks.get(reference as usize).copied().unwrap_or(UNKNOWN)
    }

    /// The known ones and the others, each sorted.
    fn parted(&self, table: &SeriesTable, references: Vec<SeriesRef>) -> (Vec<SeriesRef>, Vec<SeriesRef>) {
        let (mut known, mut unknown): (Vec<_>, Vec<_>) = references
            .into_iter()
            .partition(|reference| self.rank(*reference) != UNKNOWN);
        known.sort_unstable_by_key(|reference| self.rank(*reference));
        unknown.sort_unstable_by(|a, b| labels(table, *a).cmp(&labels(table, *b)));
        (known, unknown)
    }

    /// Puts sorted series among the others. Some may have come in between, by another reading.
    fn add(&mut self, table: &SeriesTable, unknown: &[SeriesRef]) {
        let new: Vec<SeriesRef> = unknown
            .iter()
            .copied()
            .filter(|reference| self.rank(*reference) == UNKNOWN)
            .collect();
        let places = (0..).zip(&self.sorted);
        let known: Vec<SeriesRef> = places
            .filter(|(place, reference)| self.rank(**reference) == *place)
            .map(|(_, reference)| *reference)
            .collect();
        self.sorted = merged(table, &known, &new);
        let length = self.sorted.iter().max().map_or(0, |last| *last as usize + 1);
        self.ranks.clear();
        self.ranks.resize(length, UNKNOWN);
        for (rank, reference) in (0..).zip(&self.sorted) {
            self.ranks[*reference as usize] = rank;
        }
    }
}

fn labels(table: &SeriesTable, reference: SeriesRef) -> Option<&Labels> {
    Some(&table.get(reference)?.labels)
}

/// One sorted list of two.
fn merged(table: &SeriesTable, known: &[SeriesRef], unknown: &[SeriesRef]) -> Vec<SeriesRef> {
    let mut merged = Vec::with_capacity(known.len() + unknown.len());
    let mut known = known;
    for reference in unknown {
        let wanted = labels(table, *reference);
        let before = known.partition_point(|other| labels(table, *other).cmp(&wanted) == Ordering::Less);
        let (smaller, rest) = known.split_at(before);
        merged.extend_from_slice(smaller);
        merged.push(*reference);
        known = rest;
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

    /// Numbers of the series that are in order, in it.
    fn known(order: &Order) -> Vec<SeriesRef> {
        order.known.read().sorted.clone()
    }

    #[test]
    fn a_reading_puts_its_own_series_in_order() {
        let (order, table) = (Order::default(), table(80));
        assert_eq!(sorted(&order, &table, 0..9), (0..9).rev().collect::<Vec<_>>());
        assert_eq!(known(&order), (0..9).rev().collect::<Vec<_>>());
        assert_eq!(sorted(&order, &table, 0..80), (0..80).rev().collect::<Vec<_>>());
        assert_eq!(known(&order), (0..80).rev().collect::<Vec<_>>());
    }

    #[test]
    fn few_that_are_unknown_are_put_in_order_once_they_were_sorted_often() {
        let (order, mut table) = (Order::default(), table(80));
        assert_eq!(sorted(&order, &table, 0..80), (0..80).rev().collect::<Vec<_>>());
        let late = Labels::from_pairs([("__name__", "up"), ("instance", "0041b")]);
        let late = table.insert(MemSeries::new(late)).expect("a number is left");
        let expected: Vec<SeriesRef> = (0..80)
            .rev()
            .flat_map(|at| if at == 38 { vec![38, late] } else { vec![at] })
            .collect();
        for _ in 0..10 {
            assert_eq!(sorted(&order, &table, 0..81), expected);
            assert_eq!(known(&order).len(), 80, "one is no reason to number eighty anew");
        }
        assert_eq!(sorted(&order, &table, 0..81), expected);
        assert_eq!(known(&order), expected, "the eleventh time it is");
        assert_eq!(sorted(&order, &table, 0..81), expected);
    }

    #[test]
    fn a_number_that_is_given_again_is_sorted_anew() {
        let (mut order, mut table) = (Order::default(), table(20));
        sorted(&order, &table, 0..20);
        order.remove(7);
        let seventh = table.get(7).expect("it was inserted").labels.clone();
        table.remove_where(|series| series.labels == seventh);
        let last = Labels::from_pairs([("__name__", "up"), ("instance", "zzz")]);
        let again = table.insert(MemSeries::new(last)).expect("a number is left");
        assert_eq!(again, 7, "the table gives numbers again");
        let expected: Vec<SeriesRef> = (0..20).rev().filter(|at| *at != 7).chain([7]).collect();
        for _ in 0..4 {
            assert_eq!(sorted(&order, &table, 0..20), expected);
        }
        assert_eq!(known(&order), expected, "its former place is gone");
    }
}
