//! Search over short texts: TF-IDF weights and their cosine (Salton and Buckley, 1988).

use std::collections::HashMap;

/// Words that say nothing of what a text is about.
const STOP_WORDS: [&str; 24] = [
    "a", "an", "and", "are", "at", "be", "by", "for", "from", "in", "is", "it", "its", "no", "of", "on", "or", "that",
    "the", "this", "to", "what", "which", "with",
];

/// The words of a text in lower case, without those that are everywhere.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
}

/// Texts with their weights.
#[derive(Debug)]
pub(crate) struct Index {
    texts: Vec<String>,
    weights: Vec<HashMap<String, f64>>,
    rarity: HashMap<String, f64>,
}

impl Index {
    pub(crate) fn new(texts: Vec<String>) -> Self {
        let counts: Vec<HashMap<String, f64>> = texts.iter().map(|text| counts(text)).collect();
        let mut spread: HashMap<&str, f64> = HashMap::new();
        for word in counts.iter().flat_map(HashMap::keys) {
            *spread.entry(word).or_default() += 1.0;
        }
        let total = texts.len() as f64;
        let rarity: HashMap<String, f64> = spread
            .into_iter()
            .map(|(word, count)| (word.to_owned(), (1.0 + total / count).ln()))
            .collect();
        let weights = counts.into_iter().map(|counts| unit(counts, &rarity)).collect();
        Self { texts, weights, rarity }
    }

    /// The nearest texts, the best one first, without those that have no word in common with the query.
    pub(crate) fn search(&self, query: &str, top_k: usize) -> Vec<&str> {
        let wanted = unit(counts(query), &self.rarity);
        let mut scored: Vec<(f64, &str)> = self
            .weights
            .iter()
            .zip(&self.texts)
            .map(|(weights, text)| (dot(&wanted, weights), text.as_str()))
            .filter(|(score, _)| *score > 0.0)
            .collect();
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored.into_iter().take(top_k).map(|(_, text)| text).collect()
    }
}

fn counts(text: &str) -> HashMap<String, f64> {
    let mut counts = HashMap::new();
    for word in words(text) {
        *counts.entry(word).or_default() += 1.0;
    }
    counts
}

/// Weights of length 1; words that no text of the index has are left out.
fn unit(counts: HashMap<String, f64>, rarity: &HashMap<String, f64>) -> HashMap<String, f64> {
    let mut weights: HashMap<String, f64> = counts
        .into_iter()
        .filter_map(|(word, count)| {
            let weight = count * rarity.get(&word)?;
            Some((word, weight))
        })
        .collect();
    let length = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
    for weight in weights.values_mut() {
        *weight /= length;
    }
    weights
}

fn dot(a: &HashMap<String, f64>, b: &HashMap<String, f64>) -> f64 {
    a.iter().filter_map(|(word, weight)| Some(weight * b.get(word)?)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let texts = [
            "Copper wire is sold by the coil",
            "Green coffee is sold by the sack",
            "Sea salt is sold by the bag",
        ];
        Index::new(texts.map(str::to_owned).to_vec())
    }

    #[test]
    fn the_rarer_word_decides() {
        assert_eq!(
            index().search("how is coffee sold?", 2)[0],
            "Green coffee is sold by the sack"
        );
    }

    #[test]
    fn no_more_is_found_than_asked_for_or_fits() {
        let index = index();
        assert_eq!(index.search("sold", 2).len(), 2);
        assert_eq!(index.search("copper", 3), ["Copper wire is sold by the coil"]);
        assert!(index.search("zeppelin", 3).is_empty());
        assert!(index.search("", 3).is_empty());
    }
}
