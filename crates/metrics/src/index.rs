//! Postings: which series have which label, and which series a set of matchers selects.

use std::collections::{BTreeMap, BTreeSet};

use skopos_core::{Labels, Matcher};

use crate::record::SeriesRef;

/// Label name → value → references of series, ascending.
#[derive(Debug, Default)]
pub(crate) struct Index {
    postings: BTreeMap<String, BTreeMap<String, Vec<SeriesRef>>>,
}

impl Index {
    /// Adds a series.
    pub(crate) fn add(&mut self, reference: SeriesRef, labels: &Labels) {
        for (name, value) in labels {
            let values = self.postings.entry(name.to_owned()).or_default();
            let list = values.entry(value.to_owned()).or_default();
            if let Err(position) = list.binary_search(&reference) {
                list.insert(position, reference);
            }
        }
    }

    /// Removes a series.
    pub(crate) fn remove(&mut self, reference: SeriesRef, labels: &Labels) {
        for (name, value) in labels {
            let Some(values) = self.postings.get_mut(name) else {
                continue;
            };
            if let Some(list) = values.get_mut(value) {
                list.retain(|candidate| *candidate != reference);
                if list.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.postings.remove(name);
            }
        }
    }

    /// Series that may match, narrowed by the matcher that selects fewest; `None` where every
    /// series has to be looked at. Callers check all matchers on the labels.
    pub(crate) fn candidates(&self, matchers: &[Matcher]) -> Option<Vec<SeriesRef>> {
        let lists = matchers
            .iter()
            .filter(|matcher| !matcher.matches_empty())
            .map(|matcher| self.matching(matcher));
        lists.min_by_key(Vec::len)
    }

    fn matching(&self, matcher: &Matcher) -> Vec<SeriesRef> {
        let Some(values) = self.postings.get(matcher.name()) else {
            return Vec::new();
        };
        let lists: Vec<&Vec<SeriesRef>> = match matcher.literal_values() {
            Some(literals) => literals.iter().filter_map(|literal| values.get(literal)).collect(),
            None => values
                .iter()
                .filter(|(value, _)| matcher.matches(value))
                .map(|(_, list)| list)
                .collect(),
        };
        if let [only] = lists[..] {
            return only.clone();
        }
        let union: BTreeSet<SeriesRef> = lists.into_iter().flatten().copied().collect();
        union.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use skopos_core::MatchOp;

    use super::*;

    #[test]
    fn candidates_are_narrowed() {
        let mut index = Index::default();
        for (reference, job) in [(1, "a"), (2, "b"), (3, "a")] {
            index.add(reference, &Labels::from_pairs([("job", job), ("all", "x")]));
        }
        let job = Matcher::equal("job", "a");
        assert_eq!(
            index.candidates(&[Matcher::equal("all", "x"), job.clone()]),
            Some(vec![1, 3])
        );
        let regex = Matcher::new(MatchOp::Regex, "job", "a|b").expect("compiles");
        assert_eq!(index.candidates(&[regex]), Some(vec![1, 2, 3]));
        let not = Matcher::new(MatchOp::NotEqual, "job", "a").expect("compiles");
        assert_eq!(index.candidates(&[not]), None);
        index.remove(1, &Labels::from_pairs([("job", "a"), ("all", "x")]));
        assert_eq!(index.candidates(&[job]), Some(vec![3]));
    }
}
