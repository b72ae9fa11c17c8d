//! Postings: which series have which label, and which series a set of matchers selects.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use skopos_core::{Labels, Matcher};

use crate::record::SeriesRef;

/// The values of a name give memory back where there is room for this many times what is there.
const SHRINK_AT: usize = 4;

/// Label name → value → references of series, ascending.
#[derive(Debug, Default)]
pub(crate) struct Index {
    postings: BTreeMap<Box<str>, HashMap<Box<str>, Vec<SeriesRef>>>,
}

impl Index {
    /// Adds a series.
    pub(crate) fn add(&mut self, reference: SeriesRef, labels: &Labels) {
        for (name, value) in labels {
            if !self.postings.contains_key(name) {
                self.postings.insert(Box::from(name), HashMap::new());
            }
            let Some(values) = self.postings.get_mut(name) else {
                continue;
            };
            match values.get_mut(value) {
                Some(list) => insert(list, reference),
                None => drop(values.insert(Box::from(value), vec![reference])),
            }
        }
    }

    /// Removes series, given in the order of their references: each list is passed once.
    pub(crate) fn remove(&mut self, series: &[(SeriesRef, Labels)]) {
        let mut by_pair: BTreeMap<(&str, &str), Vec<SeriesRef>> = BTreeMap::new();
        for (reference, labels) in series {
            for pair in labels {
                by_pair.entry(pair).or_default().push(*reference);
            }
        }
        for ((name, value), gone) in by_pair {
            let Some(values) = self.postings.get_mut(name) else {
                continue;
            };
            if let Some(list) = values.get_mut(value) {
                list.retain(|candidate| gone.binary_search(candidate).is_err());
                list.shrink_to_fit();
                if list.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.postings.remove(name);
            } else if values.capacity() / SHRINK_AT > values.len() {
                values.shrink_to(values.len() * 2);
            }
        }
    }

    /// Whether some series has the pair.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.postings.get(name).is_some_and(|values| values.contains_key(value))
    }

    /// Names with their values and how many series have each.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.postings.iter().flat_map(|(name, values)| {
            let name = name.as_ref();
            values
                .iter()
                .map(move |(value, list)| (name, value.as_ref(), list.len()))
        })
    }

    /// The series that meet all matchers, ascending; `None` where no matcher narrows them, so
    /// that all have to be looked at.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Option<Vec<SeriesRef>> {
        let mut lists: Vec<Vec<SeriesRef>> = Vec::new();
        let mut excluded: Vec<&Matcher> = Vec::new();
        for matcher in matchers {
            if matcher.matches_empty() {
                excluded.push(matcher);
            } else {
                lists.push(self.having(matcher.name(), |value| matcher.matches(value), matcher.literal_values()));
            }
        }
        lists.sort_by_key(Vec::len);
        let mut lists = lists.into_iter();
        let mut selected = lists.next()?;
        for list in lists {
            selected.retain(|reference| list.binary_search(reference).is_ok());
        }
        for matcher in excluded {
            if selected.is_empty() {
                break;
            }
            // A series without the label meets it, so those with another value go.
            let others = self.having(matcher.name(), |value| !matcher.matches(value), None);
            selected.retain(|reference| others.binary_search(reference).is_err());
        }
        Some(selected)
    }

    /// Series that have the label with a value that passes.
    fn having(&self, name: &str, passes: impl Fn(&str) -> bool, literals: Option<&[String]>) -> Vec<SeriesRef> {
        let Some(values) = self.postings.get(name) else {
            return Vec::new();
        };
        let lists: Vec<&Vec<SeriesRef>> = match literals {
            Some(literals) => literals
                .iter()
                .filter_map(|literal| values.get(literal.as_str()))
                .collect(),
            None => values
                .iter()
                .filter(|(value, _)| passes(value))
                .map(|(_, list)| list)
                .collect(),
        };
        if let [only] = lists[..] {
            return only.clone();
        }
        let mut union: Vec<SeriesRef> = lists.into_iter().flatten().copied().collect();
        union.sort_unstable();
        union.dedup();
        union
    }
}

/// Numbers mostly grow.
fn insert(list: &mut Vec<SeriesRef>, reference: SeriesRef) {
    if list.last().is_none_or(|last| *last < reference) {
        list.push(reference);
    } else if let Err(position) = list.binary_search(&reference) {
        list.insert(position, reference);
    }
}

#[cfg(test)]
mod tests {
    use skopos_core::MatchOp;

    use super::*;

    #[test]
    fn selects_by_all_matchers() {
        let mut index = Index::default();
        let sets = [(1, "a"), (2, "b"), (3, "a")].map(|(reference, job)| {
            let labels = Labels::from_pairs([("job", job), ("all", "x")]);
            index.add(reference, &labels);
            (reference, labels)
        });
        let all = Matcher::equal("all", "x");
        let not_a = Matcher::new(MatchOp::NotEqual, "job", "a").expect("compiles");
        let regex = Matcher::new(MatchOp::Regex, "job", "a|b").expect("compiles");
        let wide = Matcher::new(MatchOp::Regex, "job", ".+").expect("compiles");
        let job = Matcher::equal("job", "a");
        assert_eq!(index.select(&[all.clone(), job.clone()]), Some(vec![1, 3]));
        assert_eq!(index.select(&[regex]), Some(vec![1, 2, 3]));
        assert_eq!(index.select(&[wide]), Some(vec![1, 2, 3]));
        assert_eq!(index.select(std::slice::from_ref(&not_a)), None);
        assert_eq!(index.select(&[all.clone(), not_a]), Some(vec![2]));
        index.remove(&sets[..1]);
        assert_eq!(index.select(&[job]), Some(vec![3]));
        index.remove(&sets[1..]);
        assert_eq!(index.pairs().count(), 0);
    }
}
