//! Letters as JSON: a line of a list, and the whole.

use serde_json::{Value, json};
use skopos_bus::dead_letters::Letter;

/// Characters of an event that a list shows.
const PREVIEW: usize = 160;

/// A letter in a list: what is known of it, and how its event begins.
pub(super) fn line(letter: &Letter) -> Value {
    let payload = letter.letter.payload();
    let text = String::from_utf8_lossy(&payload);
    let mut line = with_id(letter);
    if let Value::Object(fields) = &mut line {
        for name in ["original_event", "original_bytes", "headers"] {
            fields.remove(name);
        }
        fields.insert(
            "preview".to_owned(),
            text.chars().take(PREVIEW).collect::<String>().into(),
        );
        fields.insert("bytes".to_owned(), payload.len().into());
    }
    line
}

/// All of a letter, with where its trace is shown.
pub(super) fn whole(letter: &Letter) -> Value {
    let mut whole = with_id(letter);
    if let (Value::Object(fields), Some(trace)) = (&mut whole, &letter.letter.trace_id) {
        fields.insert("trace_path".to_owned(), format!("/explore/traces/{trace}").into());
    }
    whole
}

fn with_id(letter: &Letter) -> Value {
    serde_json::to_value(letter).unwrap_or_else(|error| json!({ "id": letter.id, "error": error.to_string() }))
}
