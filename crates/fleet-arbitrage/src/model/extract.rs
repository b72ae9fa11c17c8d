//! The models' way to answer: the sentences of the prompt that are nearest to its question.

use super::{Message, Role};
use crate::text::Index;

/// Letters of a token, about as many as the tokens of English text have.
const TOKEN_LETTERS: u64 = 4;
/// The answer where nothing of the prompt fits.
const NOTHING: &str = "Nothing in the context speaks of it.";

/// How many tokens a text is: a word is one for each four letters that it has or begins, a mark is one.
pub(super) fn tokens(text: &str) -> u64 {
    let (mut total, mut letters) = (0, 0);
    for c in text.chars() {
        if c.is_alphanumeric() {
            letters += 1;
            continue;
        }
        total += u64::div_ceil(letters, TOKEN_LETTERS) + u64::from(!c.is_whitespace());
        letters = 0;
    }
    total + letters.div_ceil(TOKEN_LETTERS)
}

/// Answers the last message of the user with sentences of the system's messages.
pub(super) fn answer(messages: &[Message], sentences: usize) -> String {
    let of = |role: Role| messages.iter().filter(move |message| message.role == role);
    let question = of(Role::User).next_back().map_or("", |message| &message.content);
    let known: Vec<String> = of(Role::System)
        .flat_map(|message| message.content.lines())
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let index = Index::new(known);
    let found = index.search(question, sentences);
    if found.is_empty() {
        return NOTHING.to_owned();
    }
    found.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, content: &str) -> Message {
        Message {
            role,
            content: content.to_owned(),
        }
    }

    #[test]
    fn an_answer_comes_from_the_context_and_fits_the_question() {
        let messages = [
            message(
                Role::System,
                "Saffron may not be resold.\nOlive oil is cheaper in the south.",
            ),
            message(Role::Assistant, "Copper is sold by the coil."),
            message(Role::User, "may saffron be resold?"),
        ];
        assert_eq!(answer(&messages, 1), "Saffron may not be resold.");
        assert_eq!(answer(&messages[1..], 1), NOTHING);
    }

    #[test]
    fn long_words_and_marks_are_more_tokens() {
        assert_eq!(tokens(""), 0);
        assert_eq!(tokens("salt"), 1);
        assert_eq!(tokens("marketplace"), 3);
        assert_eq!(tokens("buy, sell!"), 4);
    }
}
