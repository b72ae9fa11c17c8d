//! The series of a head by number and by labels. Numbers of series that are gone are given again.

use hashbrown::HashTable;
use skopos_core::Labels;

use crate::record::SeriesRef;
use crate::series::MemSeries;

/// Memory is given back where there is room for this many times what is there.
const SHRINK_AT: usize = 4;

/// Series by number, found by labels.
#[derive(Debug, Default)]
pub(crate) struct SeriesTable {
    slots: Vec<Option<MemSeries>>,
    free: Vec<SeriesRef>,
    by_labels: HashTable<Entry>,
}

/// Part of the hash stands beside the number, so that a look-up reads the labels of one series
/// only, and growing reads none.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    reference: SeriesRef,
}

impl Entry {
    /// Spread over 64 bits: the table takes its place from the low ones and a tag from the high.
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

fn entry(encoded: &[u8], reference: SeriesRef) -> Entry {
    Entry {
        hash: Labels::fingerprint_of(encoded) as u32,
        reference,
    }
}

fn encoded(series: &MemSeries) -> &[u8] {
    series.labels.encoded().as_bytes()
}

impl SeriesTable {
    /// The number of the series with labels so encoded.
    pub(crate) fn find(&self, wanted: &[u8]) -> Option<SeriesRef> {
        let hash = entry(wanted, 0);
        let is_it =
            |found: &Entry| found.hash == hash.hash && self.get(found.reference).is_some_and(|s| encoded(s) == wanted);
        self.by_labels.find(hash.spread(), is_it).map(|found| found.reference)
    }

    /// As [`SeriesTable::find`], of a series that came after `before` in a batch. That it did so
    /// the last time makes a guess, which saves hashing and the look-up where it is right.
    pub(crate) fn find_after(&mut self, before: Option<SeriesRef>, wanted: &[u8]) -> Option<SeriesRef> {
        let guess = before.and_then(|before| self.get(before)).map(|series| series.next);
        if let Some(guess) = guess
            && self.get(guess).is_some_and(|series| encoded(series) == wanted)
        {
            return Some(guess);
        }
        let found = self.find(wanted)?;
        self.note_after(before, found);
        Some(found)
    }

    /// Notes which series came after another.
    pub(crate) fn note_after(&mut self, before: Option<SeriesRef>, next: SeriesRef) {
        if let Some(series) = before.and_then(|before| self.get_mut(before)) {
            series.next = next;
        }
    }

    /// Adds a series that is not there; `None` where no number is left.
    pub(crate) fn insert(&mut self, series: MemSeries) -> Option<SeriesRef> {
        let reference = match self.free.pop() {
            Some(reference) => reference,
            None => SeriesRef::try_from(self.slots.len()).ok()?,
        };
        let new = entry(encoded(&series), reference);
        self.by_labels.insert_unique(new.spread(), new, |entry| entry.spread());
        match self.slots.get_mut(reference as usize) {
            Some(slot) => *slot = Some(series),
            None => self.slots.push(Some(series)),
        }
        Some(reference)
    }

    /// The series of a number.
    pub(crate) fn get(&self, reference: SeriesRef) -> Option<&MemSeries> {
        self.slots.get(reference as usize)?.as_ref()
    }

    /// The series of a number, to change.
    pub(crate) fn get_mut(&mut self, reference: SeriesRef) -> Option<&mut MemSeries> {
        self.slots.get_mut(reference as usize)?.as_mut()
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// All series with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SeriesRef, &MemSeries)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(reference, slot)| Some((reference, slot.as_ref()?)))
    }

    /// All series with their numbers, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (SeriesRef, &mut MemSeries)> {
        let slots = (0..).zip(&mut self.slots);
        slots.filter_map(|(reference, slot)| Some((reference, slot.as_mut()?)))
    }

    /// All series, to change.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut MemSeries> {
        self.slots.iter_mut().flatten()
    }

    /// Takes out the series for which `is_done` says so, with their numbers in order.
    pub(crate) fn remove_where(&mut self, mut is_done: impl FnMut(&mut MemSeries) -> bool) -> Vec<(SeriesRef, Labels)> {
        let mut removed = Vec::new();
        for (reference, slot) in (0..).zip(&mut self.slots) {
            if slot.as_mut().is_some_and(&mut is_done)
                && let Some(series) = slot.take()
            {
                removed.push((reference, series.labels));
            }
        }
        for (reference, labels) in &removed {
            let gone = entry(labels.encoded().as_bytes(), *reference);
            if let Ok(found) = self
                .by_labels
                .find_entry(gone.spread(), |entry| entry.reference == *reference)
            {
                found.remove();
            }
            self.free.push(*reference);
        }
        self.shrink();
        removed
    }

    /// Gives memory back after many series left. Numbers stay, so a series with a high one keeps
    /// the slots below it.
    fn shrink(&mut self) {
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        let end = self.slots.len();
        self.free.retain(|reference| (*reference as usize) < end);
        if self.slots.capacity() / SHRINK_AT > end {
            self.slots.shrink_to(end * 2);
            self.free.shrink_to_fit();
        }
        let count = self.by_labels.len();
        if self.by_labels.capacity() / SHRINK_AT > count {
            self.by_labels.shrink_to(count * 2, |entry| entry.spread());
        }
    }

    /// How many series there is memory for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity().max(self.by_labels.capacity())
    }
}
