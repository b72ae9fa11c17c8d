//! What a message wants: multinomial naive Bayes over its tokens, trained at start on the labelled examples that ship.

use std::collections::HashMap;

use super::tokens::tokenize;
use skopos_fleet_frame::FleetError;

const FILE: &str = "intents.txt";
const EXAMPLES: &str = include_str!("../../assets/intents.txt");
/// Additive smoothing: a token that a class has not seen is unlikely, not impossible.
const SMOOTHING: f64 = 0.3;

/// Every intent; the examples have all of them.
pub(super) const INTENTS: [&str; 8] = [
    "analyze_text",
    "calculate",
    "compress_text",
    "greeting",
    "hash_text",
    "question",
    "search_documents",
    "smalltalk",
];

/// A trained classifier.
#[derive(Debug)]
pub(super) struct Classifier {
    classes: Vec<Class>,
    vocabulary: usize,
}

#[derive(Debug)]
struct Class {
    intent: &'static str,
    log_prior: f64,
    counts: HashMap<String, u32>,
    total: u32,
}

/// The likeliest intent with its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Intent {
    pub(super) name: &'static str,
    pub(super) confidence: f64,
}

impl Classifier {
    /// Trains on the examples that ship with the fleet.
    pub(super) fn shipped() -> Result<Self, FleetError> {
        let examples = parse(EXAMPLES).map_err(|reason| FleetError::Asset { file: FILE, reason })?;
        Ok(Self::train(&examples))
    }

    fn train(examples: &[(&'static str, &str)]) -> Self {
        let mut vocabulary: std::collections::HashSet<String> = std::collections::HashSet::new();
        let classes = INTENTS.iter().map(|intent| {
            let texts: Vec<&str> = examples
                .iter()
                .filter(|(i, _)| i == intent)
                .map(|(_, text)| *text)
                .collect();
            let mut counts = HashMap::new();
            for token in texts.iter().flat_map(|text| features(text)) {
                vocabulary.insert(token.clone());
                *counts.entry(token).or_default() += 1;
            }
            Class {
                intent,
                log_prior: (texts.len() as f64 / examples.len() as f64).ln(),
                total: counts.values().sum(),
                counts,
            }
        });
        let classes = classes.collect();
        Self {
            classes,
            vocabulary: vocabulary.len(),
        }
    }

    /// Classifies a message.
    pub(super) fn classify(&self, text: &str) -> Intent {
        let features: Vec<String> = features(text).collect();
        let scores: Vec<f64> = self.classes.iter().map(|class| self.score(class, &features)).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        let best = scores.iter().position(|score| *score == highest).unwrap_or_default();
        Intent {
            name: self.classes[best].intent,
            confidence: 1.0 / total,
        }
    }

    fn score(&self, class: &Class, features: &[String]) -> f64 {
        let denominator = f64::from(class.total) + SMOOTHING * self.vocabulary as f64;
        let likelihood = features.iter().map(|feature| {
            let count = class.counts.get(feature).copied().unwrap_or_default();
            ((f64::from(count) + SMOOTHING) / denominator).ln()
        });
        class.log_prior + likelihood.sum::<f64>()
    }
}

/// Tokens of the request, with all numbers alike. What follows a colon is what the user wants worked on: it may say
/// anything and tells nothing of the intent.
fn features(text: &str) -> impl Iterator<Item = String> + '_ {
    let request = text.split_once(':').map_or(text, |(request, _)| request);
    tokenize(request).map(|token| {
        if token.bytes().all(|byte| byte.is_ascii_digit()) {
            "<number>".to_owned()
        } else {
            token
        }
    })
}

/// Lines of `intent: text`; empty ones and those that begin with `#` are skipped.
fn parse(text: &'static str) -> Result<Vec<(&'static str, &'static str)>, String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let (intent, text) = line
                .split_once(": ")
                .ok_or_else(|| format!("line {} has no intent", number + 1))?;
            let intent = INTENTS
                .iter()
                .find(|known| **known == intent)
                .ok_or_else(|| format!("line {} has the unknown intent {intent}", number + 1))?;
            Ok((*intent, text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_not_among_the_examples() {
        let classifier = Classifier::shipped().expect("the shipped examples read");
        for (text, intent) in [
            ("good evening to you all", "greeting"),
            ("what is 81 / (4 + 5)?", "calculate"),
            ("please calculate 3 * 7", "calculate"),
            ("count the words of this: the ferry is late", "analyze_text"),
            ("search the documents for refunds of hotels", "search_documents"),
            ("make this text smaller: aaaa bbbb", "compress_text"),
            (
                "compress this text: why does it rain? good morning, thanks",
                "compress_text",
            ),
            ("hash this with 3 rounds: secret", "hash_text"),
            ("why does a queue grow when a consumer is slow?", "question"),
            ("that was kind of you, thanks", "smalltalk"),
        ] {
            assert_eq!(classifier.classify(text).name, intent, "{text}");
        }
    }

    #[test]
    fn most_examples_are_found_by_the_others() {
        let examples = parse(EXAMPLES).expect("the shipped examples read");
        let right = (0..examples.len()).filter(|left_out| {
            let mut others = examples.clone();
            let (intent, text) = others.remove(*left_out);
            Classifier::train(&others).classify(text).name == intent
        });
        let share = right.count() as f64 / examples.len() as f64;
        assert!(share > 0.8, "leave-one-out accuracy is {share}");
    }

    #[test]
    fn confidence_is_a_probability() {
        let classifier = Classifier::shipped().expect("the shipped examples read");
        let sure = classifier.classify("hello there, good morning").confidence;
        let unsure = classifier.classify("zyx").confidence;
        assert!(unsure < sure && sure <= 1.0 && unsure > 0.1, "{unsure} {sure}");
    }

    #[test]
    fn broken_examples_name_their_line() {
        assert!(parse("# ok\nnonsense").expect_err("no intent").contains("line 2"));
        assert!(parse("levitate: up").expect_err("unknown").contains("levitate"));
    }
}
