//! Finds the series of an entry: its labels after grouping, without building them each time.

use std::hash::BuildHasher;

use hashbrown::HashMap;
use skopos_core::Labels;

use crate::LabelSet;
use crate::ast::Grouping;
use crate::labels::EntryLabels;

/// Which labels of an entry make its series.
pub(super) struct SeriesLabels<'q> {
    grouping: Option<&'q Grouping>,
    consumed: Option<&'q str>,
}

impl<'q> SeriesLabels<'q> {
    pub(super) fn new(grouping: Option<&'q Grouping>, consumed: Option<&'q str>) -> Self {
        Self { grouping, consumed }
    }

    fn keeps(&self, name: &str) -> bool {
        match self.grouping {
            Some(grouping) if !grouping.without => grouping.labels.iter().any(|label| label == name),
            Some(grouping) if grouping.labels.iter().any(|label| label == name) => false,
            _ => self.consumed != Some(name),
        }
    }

    /// The entry's pairs that belong to the series; all of a failed entry, so that it can be told.
    fn pairs<'e>(&'e self, labels: &'e EntryLabels) -> impl Iterator<Item = (&'e str, &'e str)> + 'e {
        let failed = labels.has_error();
        labels.pairs().filter(move |(name, _)| failed || self.keeps(name))
    }
}

/// Numbers of series by their labels.
#[derive(Default)]
pub(super) struct SeriesIndex {
    labels: Vec<LabelSet>,
    by_hash: HashMap<u64, Vec<usize>>,
    /// Series by stream, for pipelines that look at no label. The labels keep the address taken.
    by_stream: HashMap<usize, (Labels, usize)>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn into_labels(self) -> Vec<LabelSet> {
        self.labels
    }

    /// The series that all plain entries of a stream belong to, if one was noted.
    pub(super) fn of_stream(&self, stream: &Labels) -> Option<usize> {
        let (_, series) = self.by_stream.get(&address(stream))?;
        Some(*series)
    }

    pub(super) fn note_stream(&mut self, stream: &Labels, series: usize) {
        self.by_stream.insert(address(stream), (stream.clone(), series));
    }

    /// The entry's series, which is made if it is new.
    pub(super) fn of_entry(&mut self, rule: &SeriesLabels<'_>, labels: &EntryLabels) -> usize {
        let mut hash = 0u64;
        let mut count = 0usize;
        for (name, value) in rule.pairs(labels) {
            // A sum does not depend on the order in which stages made the labels.
            hash = hash.wrapping_add(self.hasher.hash_one((name, value)));
            count += 1;
        }
        let candidates = self.by_hash.entry(hash).or_default();
        let same = |set: &LabelSet| {
            set.len() == count && rule.pairs(labels).all(|(name, value)| set.find(name) == Some(value))
        };
        if let Some(known) = candidates.iter().find(|&&known| same(&self.labels[known])) {
            return *known;
        }
        let pairs = rule.pairs(labels).map(|(n, v)| (n.to_owned(), v.to_owned()));
        self.labels.push(LabelSet::from_pairs(pairs.collect()));
        candidates.push(self.labels.len() - 1);
        self.labels.len() - 1
    }
}

fn address(stream: &Labels) -> usize {
    stream.encoded().as_ptr() as usize
}
