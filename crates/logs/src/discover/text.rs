//! Finds the first word of a text that names a level.

/// Words and their levels; a longer word stands before one that begins it.
const WORDS: [(&str, &str); 9] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("info", "info"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("error", "error"),
    ("err", "error"),
    ("critical", "critical"),
    ("fatal", "fatal"),
];

pub(super) fn first_level(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let starts = |at: usize| at == 0 || opens(bytes[at - 1]);
    (0..bytes.len())
        .filter(|&at| matches!(bytes[at] | 0x20, b't' | b'd' | b'i' | b'w' | b'e' | b'c' | b'f') && starts(at))
        .find_map(|at| level_at(&bytes[at..]))
}

fn level_at(rest: &[u8]) -> Option<&'static str> {
    let fits = |word: &str| {
        rest.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && rest.get(word.len()).is_none_or(|next| closes(*next))
    };
    WORDS.iter().find(|(word, _)| fits(word)).map(|(_, level)| *level)
}

/// Whether a level word may follow. Paths, flags and qualified names (`/error`, `misc:error`)
/// are no levels.
fn opens(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'[' | b'(' | b'{' | b'<' | b'|' | b'"' | b'\'' | b'=' | b',' | b';'
        )
}

fn closes(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b']' | b')' | b'}' | b'>' | b'|' | b'"' | b'\'' | b':' | b',' | b';' | b'.' | b'!' | b'='
        )
}
