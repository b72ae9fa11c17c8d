//! Which streams have which label: postings by name and value.

use std::collections::BTreeMap;

use skopos_core::{Labels, Matcher};

/// Numbers of streams by label. Numbers are given in order, so that lists are sorted.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    by_label: BTreeMap<String, BTreeMap<String, Vec<u32>>>,
}

impl Postings {
    /// Adds a stream.
    pub(crate) fn add(&mut self, number: u32, labels: &Labels) {
        for (name, value) in labels {
            if !self.by_label.contains_key(name) {
                self.by_label.insert(name.to_owned(), BTreeMap::new());
            }
            let Some(values) = self.by_label.get_mut(name) else {
                continue;
            };
            match values.get_mut(value) {
                Some(list) => list.push(number),
                None => {
                    values.insert(value.to_owned(), vec![number]);
                }
            }
        }
    }

    /// Streams that may match, in order; `None` if no matcher narrows them down. What is returned
    /// still has to be checked.
    pub(crate) fn candidates(&self, matchers: &[Matcher]) -> Option<Vec<u32>> {
        let narrowing = matchers.iter().filter(|matcher| !matcher.matches_empty());
        narrowing
            .filter_map(|matcher| Some(self.with_any(matcher.name(), matcher.literal_values()?)))
            .min_by_key(Vec::len)
    }

    fn with_any(&self, name: &str, wanted: &[String]) -> Vec<u32> {
        let Some(values) = self.by_label.get(name) else {
            return Vec::new();
        };
        let mut numbers: Vec<u32> = wanted
            .iter()
            .filter_map(|value| values.get(value))
            .flatten()
            .copied()
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use skopos_core::MatchOp;

    use super::*;

    #[test]
    fn the_shortest_list_wins() {
        let mut postings = Postings::default();
        for i in 0..10u32 {
            let zone = if i % 5 == 0 { "a" } else { "b" };
            let pairs = [("job", "x".to_owned()), ("zone", zone.to_owned()), ("n", i.to_string())];
            postings.add(i, &Labels::from_pairs(pairs));
        }
        let regex = |name: &str, value: &str| Matcher::new(MatchOp::Regex, name, value).expect("compiles");
        assert_eq!(
            postings.candidates(&[Matcher::equal("job", "x"), Matcher::equal("zone", "a")]),
            Some(vec![0, 5])
        );
        assert_eq!(postings.candidates(&[regex("n", "3|4|3")]), Some(vec![3, 4]));
        assert_eq!(postings.candidates(&[Matcher::equal("zone", "c")]), Some(vec![]));
        assert_eq!(postings.candidates(&[Matcher::equal("other", "c")]), Some(vec![]));
        assert_eq!(postings.candidates(&[regex("n", ".+"), Matcher::equal("z", "")]), None);
    }
}
