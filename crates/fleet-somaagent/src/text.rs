//! Words of a text, as the model counts them and the gates measure them.

/// Words that say nothing of a text's subject.
const STOP_WORDS: [&str; 46] = [
    "a", "an", "and", "are", "as", "at", "be", "before", "but", "by", "can", "does", "each", "for", "from", "has",
    "have", "in", "into", "is", "it", "its", "not", "of", "on", "one", "or", "over", "so", "than", "that", "the",
    "their", "then", "they", "this", "to", "under", "was", "when", "which", "with", "what", "who", "will", "every",
];
/// Endings that are cut, the longest first, where enough of the word is left.
const ENDINGS: [&str; 7] = ["ations", "ation", "ing", "es", "ed", "s", "e"];
/// Characters of a word that an ending leaves at least.
const STEM_CHARS: usize = 4;

/// All words in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The words that bear meaning, cut to their stems, so that "indexes" and "indexing" are one.
pub(crate) fn terms(text: &str) -> impl Iterator<Item = String> {
    words(text)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

fn stem(word: &str) -> &str {
    ENDINGS
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|rest| rest.chars().count() >= STEM_CHARS)
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_one_term() {
        let terms: Vec<String> = terms("The indexes are indexed by INDEXING an index.").collect();
        assert_eq!(terms, ["index", "index", "index", "index"]);
    }

    #[test]
    fn short_words_keep_their_endings() {
        assert_eq!(stem("uses"), "uses");
        assert_eq!(stem("traces"), "trac");
        assert_eq!(stem("trace"), "trac");
    }
}
