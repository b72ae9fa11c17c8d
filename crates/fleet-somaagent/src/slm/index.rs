//! What the model knows, and how it answers: the facts that are nearest to the prompt and least like one another.
//!
//! Maximal marginal relevance (Carbonell and Goldstein, 1998) over embeddings.

use super::embedding::{Embedder, Vector, cosine};

const TEXT: &str = include_str!("../../assets/knowledge.txt");
/// Weight of nearness to the prompt against likeness to what is chosen already.
const RELEVANCE: f32 = 0.8;

/// Facts with their vectors.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    embedder: Embedder,
    facts: Vec<String>,
    vectors: Vec<Vector>,
}

impl Index {
    /// Over the facts that ship with the fleet.
    pub(crate) fn shipped() -> Self {
        let facts: Vec<String> = TEXT
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        let embedder = Embedder::train(facts.iter().map(String::as_str));
        let vectors = facts.iter().map(|fact| embedder.embed(fact)).collect();
        Self {
            embedder,
            facts,
            vectors,
        }
    }

    /// The same after the facts were replaced and the vectors were not: each vector leads to another fact.
    pub(crate) fn out_of_step(&self) -> Self {
        let mut stale = self.clone();
        let half = stale.facts.len() / 2;
        stale.facts.rotate_left(half);
        stale
    }

    /// Number of facts.
    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    pub(crate) fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    /// The best facts for a prompt, the best one first, without those to avoid.
    pub(crate) fn extract(&self, prompt: &str, count: usize, avoid: &[String]) -> Vec<&str> {
        let wanted = self.embedder.embed(prompt);
        let mut open: Vec<usize> = (0..self.len()).filter(|i| !avoid.contains(&self.facts[*i])).collect();
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < count {
            let score = |i: usize| {
                let likeness = chosen.iter().map(|c| cosine(&self.vectors[*c], &self.vectors[i]));
                let likeness = likeness.fold(0.0, f32::max);
                RELEVANCE * cosine(&wanted, &self.vectors[i]) - (1.0 - RELEVANCE) * likeness
            };
            let best = open.iter().copied().max_by(|a, b| score(*a).total_cmp(&score(*b)));
            let Some(best) = best else { break };
            open.retain(|i| *i != best);
            chosen.push(best);
        }
        chosen.into_iter().map(|i| self.facts[i].as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "check the tide table of the harbour";

    #[test]
    fn an_answer_is_about_the_prompt() {
        let index = Index::shipped();
        let answer = index.extract(PROMPT, 2, &[]);
        assert_eq!(answer.len(), 2);
        assert!(answer.iter().all(|fact| fact.contains("tide")), "{answer:?}");
    }

    #[test]
    fn what_is_to_be_avoided_does_not_come_again() {
        let index = Index::shipped();
        let first: Vec<String> = index.extract(PROMPT, 3, &[]).into_iter().map(str::to_owned).collect();
        let second = index.extract(PROMPT, 3, &first);
        assert!(second.iter().all(|fact| !first.iter().any(|known| known == fact)));
    }

    #[test]
    fn a_stale_index_answers_beside_the_prompt() {
        let answer = Index::shipped().out_of_step();
        let answer = answer.extract(PROMPT, 3, &[]);
        assert!(answer.iter().all(|fact| !fact.contains("tide")), "{answer:?}");
    }

    #[test]
    fn no_more_is_given_than_is_known() {
        let index = Index::shipped();
        assert_eq!(index.extract("", 10_000, &[]).len(), index.len());
    }
}
