//! Exemplars of a head: the newest of the tenant, bounded.

use std::collections::VecDeque;

use hashbrown::HashMap;
use skopos_core::metric::Exemplar;
use skopos_core::{Labels, Matcher, TimeRange, matcher};

/// The newest exemplars, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    list: VecDeque<(Labels, Exemplar)>,
    /// How many are kept; the oldest go first.
    most: usize,
    /// At the end of the list: those that no part has.
    unflushed: usize,
    /// Of those, what a flush is writing.
    pending: usize,
}

impl Exemplars {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = most;
        self.trim();
    }

    pub(crate) fn push(&mut self, labels: &Labels, exemplar: Exemplar) {
        self.list.push_back((labels.clone(), exemplar));
        self.unflushed += 1;
        self.trim();
    }

    fn trim(&mut self) {
        let excess = self.list.len().saturating_sub(self.most);
        self.list.drain(..excess);
        self.unflushed = self.unflushed.min(self.list.len());
        self.pending = self.pending.min(self.unflushed);
    }

    pub(crate) fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Exemplar)> {
        let wanted = |entry: &&(Labels, Exemplar)| {
            range.contains(entry.1.timestamp_ms) && matcher::all_match(matchers, &entry.0)
        };
        self.list.iter().filter(wanted).cloned().collect()
    }

    pub(crate) fn delete(&mut self, matchers: &[Matcher], range: TimeRange) {
        let flushed = self.list.len() - self.unflushed;
        let mut position = 0;
        let (mut gone_unflushed, mut gone_pending) = (0, 0);
        let pending_end = flushed + self.pending;
        self.list.retain(|(labels, exemplar)| {
            let is_gone = range.contains(exemplar.timestamp_ms) && matcher::all_match(matchers, labels);
            gone_unflushed += usize::from(is_gone && position >= flushed);
            gone_pending += usize::from(is_gone && (flushed..pending_end).contains(&position));
            position += 1;
            !is_gone
        });
        self.unflushed -= gone_unflushed;
        self.pending -= gone_pending;
    }

    /// Copies those that no part has, by series.
    pub(crate) fn take_unflushed(&mut self) -> HashMap<Labels, Vec<Exemplar>> {
        self.pending = self.unflushed;
        let mut by_series: HashMap<Labels, Vec<Exemplar>> = HashMap::new();
        for (labels, exemplar) in self.list.range(self.list.len() - self.unflushed..) {
            by_series.entry_ref(labels).or_default().push(exemplar.clone());
        }
        by_series
    }

    pub(crate) fn note_flushed(&mut self) {
        self.unflushed -= self.pending;
        self.pending = 0;
    }
}
