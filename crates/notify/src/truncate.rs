//! Cutting of texts that a product takes up to a length only. The cut is marked by one `…`.

/// The mark of a cut.
const MARK: char = '…';

/// At most `limit` characters.
pub(crate) fn characters(text: String, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text;
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push(MARK);
    cut
}

/// At most `limit` bytes, cut between characters.
pub(crate) fn bytes(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len_utf8()));
    text.truncate(end);
    text.push(MARK);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_marked_and_fit() {
        assert_eq!(characters("äöü".to_owned(), 3), "äöü");
        assert_eq!(characters("äöüß".to_owned(), 3), "äö…");
        assert_eq!(bytes("abcdef".to_owned(), 6), "abcdef");
        assert_eq!(bytes("abcdefg".to_owned(), 6), "abc…");
        assert_eq!(bytes("ääää".to_owned(), 7), "ää…");
    }
}
