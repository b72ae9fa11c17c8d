//! A language model of trigrams, bigrams and unigrams, mixed with fixed weights and sampled token by token.

use std::collections::HashMap;

use rand::Rng;

use super::tokens::{ends_sentence, tokenize};

/// Share of the trigrams in the mixture, where the context has been seen.
const TRIGRAM_WEIGHT: f64 = 0.75;
/// Share of the bigrams in what is left.
const BIGRAM_WEIGHT: f64 = 0.9;

type Token = u32;

/// A trained model.
#[derive(Debug)]
pub(super) struct NgramModel {
    words: Vec<String>,
    ids: HashMap<String, Token>,
    unigrams: Followers,
    bigrams: HashMap<Token, Followers>,
    trigrams: HashMap<(Token, Token), Followers>,
}

/// What came after a context, how often.
#[derive(Debug, Default)]
struct Followers {
    counts: Vec<(Token, u32)>,
    total: u32,
}

impl Followers {
    fn add(&mut self, token: Token) {
        self.total += 1;
        match self.counts.iter_mut().find(|(known, _)| *known == token) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((token, 1)),
        }
    }

    fn probability(&self, token: Token) -> f64 {
        let count = self
            .counts
            .iter()
            .find(|(known, _)| *known == token)
            .map_or(0, |(_, count)| *count);
        f64::from(count) / f64::from(self.total.max(1))
    }

    fn sample(&self, random: &mut impl Rng) -> Option<Token> {
        let mut left = random.random_range(0..self.total.max(1));
        for (token, count) in &self.counts {
            if left < *count {
                return Some(*token);
            }
            left -= count;
        }
        None
    }
}

/// Generated text with its likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Generated {
    pub(super) tokens: Vec<Token>,
    /// Mean natural logarithm of each token's probability.
    pub(super) log_likelihood: f64,
}

impl NgramModel {
    /// Counts the text.
    pub(super) fn train(text: &str) -> Self {
        let mut model = Self {
            words: Vec::new(),
            ids: HashMap::new(),
            unigrams: Followers::default(),
            bigrams: HashMap::new(),
            trigrams: HashMap::new(),
        };
        let tokens: Vec<Token> = tokenize(text).map(|word| model.intern(word)).collect();
        let mut unigrams: HashMap<Token, u32> = HashMap::new();
        for token in &tokens {
            *unigrams.entry(*token).or_default() += 1;
        }
        model.unigrams.total = tokens.len() as u32;
        model.unigrams.counts = unigrams.into_iter().collect();
        // A map has no order, and one seed must give one text.
        model.unigrams.counts.sort_unstable();
        for pair in tokens.windows(2) {
            model.bigrams.entry(pair[0]).or_default().add(pair[1]);
        }
        for three in tokens.windows(3) {
            model.trigrams.entry((three[0], three[1])).or_default().add(three[2]);
        }
        model
    }

    fn intern(&mut self, word: String) -> Token {
        let next = self.words.len() as Token;
        *self.ids.entry(word).or_insert_with_key(|word| {
            self.words.push(word.clone());
            next
        })
    }

    /// Continues a prompt to the end of a sentence after at least `least` tokens, with `most` at most.
    pub(super) fn generate(&self, prompt: &str, least: usize, most: usize, random: &mut impl Rng) -> Generated {
        let mut tokens = self.opening(prompt, random);
        let mut log_likelihood = 0.0;
        let begun = tokens.len();
        while tokens.len() < most {
            let Some(next) = self.next(&tokens, random) else { break };
            log_likelihood += self.probability(&tokens, next).ln();
            tokens.push(next);
            if tokens.len() >= least && ends_sentence(self.word(next)) {
                break;
            }
        }
        let sampled = (tokens.len() - begun).max(1) as f64;
        Generated {
            tokens,
            log_likelihood: log_likelihood / sampled,
        }
    }

    /// The text begins with a word of the prompt: the rarest one that the model can continue.
    fn opening(&self, prompt: &str, random: &mut impl Rng) -> Vec<Token> {
        let known = tokenize(prompt)
            .filter(|word| word.starts_with(char::is_alphabetic))
            .filter_map(|word| self.ids.get(&word).copied());
        let rarest = known.min_by_key(|token| self.bigrams.get(token).map_or(u32::MAX, |followers| followers.total));
        let full_stop = self.ids.get(".").and_then(|stop| self.bigrams.get(stop));
        rarest
            .or_else(|| full_stop.and_then(|followers| followers.sample(random)))
            .into_iter()
            .collect()
    }

    /// Samples the mixture: first which part of it, then the part.
    fn next(&self, tokens: &[Token], random: &mut impl Rng) -> Option<Token> {
        if let Some(followers) = self.after_two(tokens)
            && random.random_bool(TRIGRAM_WEIGHT)
        {
            return followers.sample(random);
        }
        if let Some(followers) = self.after_one(tokens)
            && random.random_bool(BIGRAM_WEIGHT)
        {
            return followers.sample(random);
        }
        self.unigrams.sample(random)
    }

    /// Probability of a token under the same mixture.
    fn probability(&self, tokens: &[Token], next: Token) -> f64 {
        let unigram = self.unigrams.probability(next);
        let lower = self.after_one(tokens).map_or(unigram, |followers| {
            BIGRAM_WEIGHT * followers.probability(next) + (1.0 - BIGRAM_WEIGHT) * unigram
        });
        self.after_two(tokens).map_or(lower, |followers| {
            TRIGRAM_WEIGHT * followers.probability(next) + (1.0 - TRIGRAM_WEIGHT) * lower
        })
    }

    fn after_two(&self, tokens: &[Token]) -> Option<&Followers> {
        let [.., first, second] = tokens else { return None };
        self.trigrams.get(&(*first, *second))
    }

    fn after_one(&self, tokens: &[Token]) -> Option<&Followers> {
        self.bigrams.get(tokens.last()?)
    }

    /// The text of a token.
    pub(super) fn word(&self, token: Token) -> &str {
        &self.words[token as usize]
    }

    /// Distinct tokens.
    pub(super) fn vocabulary(&self) -> usize {
        self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const TEXT: &str = "the tide comes in. the tide goes out. the boat comes in. we wait for the tide.";

    #[test]
    fn one_seed_gives_one_text() {
        let model = NgramModel::train(TEXT);
        let text = |seed| {
            model
                .generate("the tide", 4, 30, &mut ChaCha8Rng::seed_from_u64(seed))
                .tokens
        };
        assert_eq!(text(7), text(7));
        assert!((0..20).any(|seed| text(seed) != text(7)));
    }

    #[test]
    fn probabilities_of_all_tokens_sum_to_one() {
        let model = NgramModel::train(TEXT);
        let id = |word: &str| model.ids[word];
        for context in [
            vec![],
            vec![id("the")],
            vec![id("the"), id("tide")],
            vec![id("out"), id("tide")],
        ] {
            let sum: f64 = (0..model.vocabulary() as Token)
                .map(|t| model.probability(&context, t))
                .sum();
            assert!((sum - 1.0).abs() < 1e-9, "{context:?}: {sum}");
        }
    }

    #[test]
    fn generation_is_bounded_and_ends_with_a_sentence() {
        let model = NgramModel::train(TEXT);
        for seed in 0..50 {
            let generated = model.generate("boat", 3, 12, &mut ChaCha8Rng::seed_from_u64(seed));
            let last = generated.tokens.last().map(|token| model.word(*token));
            assert!(generated.tokens.len() <= 12);
            assert!(generated.tokens.len() == 12 || last == Some("."), "{generated:?}");
            assert!(generated.log_likelihood < 0.0);
        }
    }

    #[test]
    fn an_empty_text_generates_nothing() {
        let generated = NgramModel::train("").generate("boat", 3, 12, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(generated.tokens.is_empty());
    }
}
