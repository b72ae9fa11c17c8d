//! Text into tokens and back: lower-case words, numbers and marks of punctuation.

/// Splits a text into tokens.
pub(super) fn tokenize(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = if first.is_alphanumeric() {
            rest.find(|c: char| !c.is_alphanumeric() && c != '\'')
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token.to_lowercase())
    })
}

/// Whether a token ends a sentence.
pub(super) fn ends_sentence(token: &str) -> bool {
    matches!(token, "." | "!" | "?")
}

/// Joins tokens into prose: no space before marks, sentences begin with a capital.
pub(super) fn join<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut begins = true;
    for token in tokens {
        let is_mark = !token.starts_with(char::is_alphanumeric);
        if !is_mark && !text.is_empty() {
            text.push(' ');
        }
        if begins && !is_mark {
            let mut chars = token.chars();
            text.extend(chars.next().into_iter().flat_map(char::to_uppercase));
            text.push_str(chars.as_str());
            begins = false;
        } else {
            text.push_str(token);
        }
        begins |= ends_sentence(token);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_marks() {
        let tokens: Vec<String> = tokenize("What's 12*(3+4)?  Über alles.").collect();
        assert_eq!(
            tokens,
            ["what's", "12", "*", "(", "3", "+", "4", ")", "?", "über", "alles", "."]
        );
        assert_eq!(tokenize(" \n").count(), 0);
    }

    #[test]
    fn joined_text_reads_as_prose() {
        let tokens: Vec<String> = tokenize("the tide turns, and we wait. it comes back!").collect();
        assert_eq!(
            join(tokens.iter().map(String::as_str)),
            "The tide turns, and we wait. It comes back!"
        );
    }
}
