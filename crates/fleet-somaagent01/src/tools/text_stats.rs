//! Counts of a text: words, distinct words, sentences, the longest and the most frequent word.

use std::collections::HashMap;

/// The counts in one line.
pub(super) fn describe(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let sentences = text
        .split(['.', '!', '?'])
        .filter(|part| part.contains(char::is_alphanumeric))
        .count();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in &words {
        *counts.entry(word).or_default() += 1;
    }
    // Ties go to the word first in the alphabet, so that one text always has one answer.
    let frequent = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    let longest = words.iter().max_by_key(|word| word.chars().count());
    format!(
        "{} words, {} distinct, {sentences} sentences, {} characters; longest word \"{}\", most frequent \"{}\" ({} times)",
        words.len(),
        counts.len(),
        text.chars().count(),
        longest.map_or("", String::as_str),
        frequent.map_or("", |(word, _)| word),
        frequent.map_or(0, |(_, count)| *count),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(
            describe("The tide turns. The harbour waits!"),
            "6 words, 5 distinct, 2 sentences, 34 characters; longest word \"harbour\", most frequent \"the\" (2 times)"
        );
        assert!(describe("...").starts_with("0 words, 0 distinct, 0 sentences"));
    }
}
