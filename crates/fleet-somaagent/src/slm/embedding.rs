//! Embeddings: terms weighted by how rare they are (TF-IDF), hashed with a sign into a fixed number of dimensions.
//!
//! The hashing trick of Weinberger et al., "Feature hashing for large scale multitask learning" (2009).

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use crate::text::terms;

/// Dimensions of a vector.
pub(crate) const DIMENSIONS: usize = 256;

/// One embedded text, of length 1, or all zeros where the text has no terms.
pub(crate) type Vector = [f32; DIMENSIONS];

/// Knows how rare each term is.
#[derive(Debug, Clone)]
pub(crate) struct Embedder {
    rarity: HashMap<String, f32>,
    /// Of a term that no document holds.
    unknown: f32,
}

impl Embedder {
    /// Counts in how many of the documents each term occurs.
    pub(crate) fn train<'a>(documents: impl Iterator<Item = &'a str>) -> Self {
        let mut holding: HashMap<String, f32> = HashMap::new();
        let mut count = 0.0_f32;
        for document in documents {
            count += 1.0;
            for term in terms(document).collect::<HashSet<String>>() {
                *holding.entry(term).or_default() += 1.0;
            }
        }
        let rarity = |documents: f32| ((1.0 + count) / (1.0 + documents)).ln();
        Self {
            rarity: holding.into_iter().map(|(term, n)| (term, rarity(n))).collect(),
            unknown: rarity(0.0),
        }
    }

    /// The vector of a text.
    pub(crate) fn embed(&self, text: &str) -> Vector {
        let mut vector = [0.0; DIMENSIONS];
        for term in terms(text) {
            let hash = xxh3_64(term.as_bytes());
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            let weight = self.rarity.get(&term).copied().unwrap_or(self.unknown);
            vector[hash as usize % DIMENSIONS] += sign * weight;
        }
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 0.0 {
            for x in &mut vector {
                *x /= length;
            }
        }
        vector
    }
}

/// Cosine of the angle between two vectors of length 1: 1 for the same direction, 0 for nothing in common.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [&str; 3] = ["the tide is high", "the harbour at high tide", "ledgers of money"];

    #[test]
    fn vectors_have_length_one_and_like_texts_are_near() {
        let embedder = Embedder::train(DOCUMENTS.into_iter());
        let [tide, harbour, money] = DOCUMENTS.map(|text| embedder.embed(text));
        assert!((cosine(&tide, &tide) - 1.0).abs() < 1e-5);
        assert!(cosine(&tide, &harbour) > 0.4, "{}", cosine(&tide, &harbour));
        assert!(cosine(&tide, &money).abs() < 0.2, "{}", cosine(&tide, &money));
    }

    #[test]
    fn a_text_without_terms_is_near_to_nothing() {
        let embedder = Embedder::train(DOCUMENTS.into_iter());
        let nothing = embedder.embed("of the -- !");
        assert_eq!(cosine(&nothing, &embedder.embed("tide")), 0.0);
    }
}
