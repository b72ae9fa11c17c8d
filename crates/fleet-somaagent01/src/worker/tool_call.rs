//! From a message to a tool call: which tool its intent needs, and what the message says of its input.

use serde_json::{Value, json};

/// A tool with its input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToolCall {
    pub(super) tool: String,
    pub(super) input: Value,
}

/// The words with which a user names a tool outright: `use the tool NAME: input`.
const OUTRIGHT: &str = "use the tool ";

/// The call that a message needs, where it needs one and says enough for it.
pub(super) fn tool_call(intent: &str, text: &str) -> Option<ToolCall> {
    if let Some(named) = text.to_lowercase().find(OUTRIGHT) {
        return outright(text.get(named + OUTRIGHT.len()..)?);
    }
    let call = |tool: &str, input| {
        Some(ToolCall {
            tool: tool.to_owned(),
            input,
        })
    };
    match intent {
        "calculate" => call("calculator", json!({ "expression": expression(text)? })),
        "analyze_text" => call("text-stats", json!({ "text": payload(text) })),
        "search_documents" => call("file-search", json!({ "query": payload(text) })),
        "compress_text" => call("compress", json!({ "text": payload(text) })),
        "hash_text" => call(
            "hash",
            json!({
                "text": payload(text),
                "rounds": number_before(text, "round").unwrap_or(1),
                "memory_mib": number_before(text, "mib").unwrap_or(4),
            }),
        ),
        _ => None,
    }
}

fn outright(rest: &str) -> Option<ToolCall> {
    let (tool, input) = rest.split_once(':')?;
    let tool = tool.trim();
    let input = input.trim();
    let is_name = !tool.is_empty() && tool.len() <= 64 && tool.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_name.then(|| ToolCall {
        tool: tool.to_lowercase(),
        input: json!({ "text": input, "query": input, "expression": input }),
    })
}

/// What the user wants worked on: all after the first colon, else the whole message.
fn payload(text: &str) -> &str {
    text.split_once(':')
        .map(|(_, rest)| rest.trim())
        .filter(|rest| !rest.is_empty())
        .unwrap_or(text)
}

/// The longest run of characters that arithmetic is written with, if there is a digit in it.
fn expression(text: &str) -> Option<&str> {
    text.split(|c: char| !(c.is_ascii_digit() || " .+-*/%^()".contains(c)))
        .map(|run| run.trim_matches(|c: char| c == ' ' || c == '.'))
        .filter(|run| run.contains(|c: char| c.is_ascii_digit()))
        .max_by_key(|run| run.len())
}

/// The number in front of a word that begins like `unit`.
fn number_before(text: &str, unit: &str) -> Option<u64> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words
        .windows(2)
        .find(|pair| pair[1].starts_with(unit))
        .and_then(|pair| pair[0].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_from_the_message() {
        for (intent, text, tool, input) in [
            (
                "calculate",
                "what is 12 * (3 + 4)?",
                "calculator",
                json!({"expression": "12 * (3 + 4)"}),
            ),
            ("analyze_text", "count this: a b", "text-stats", json!({"text": "a b"})),
            (
                "search_documents",
                "find lag",
                "file-search",
                json!({"query": "find lag"}),
            ),
            (
                "hash_text",
                "hash with 30 rounds and 512 MiB: salt",
                "hash",
                json!({"text": "salt", "rounds": 30, "memory_mib": 512}),
            ),
        ] {
            let call = tool_call(intent, text).expect(text);
            assert_eq!((call.tool.as_str(), call.input), (tool, input));
        }
        let named = tool_call("smalltalk", "Please use the tool Translate: guten Tag").expect("named");
        assert_eq!(
            (named.tool.as_str(), &named.input["text"]),
            ("translate", &json!("guten Tag"))
        );
    }

    #[test]
    fn no_call_without_need_or_input() {
        for (intent, text) in [
            ("greeting", "hello"),
            ("calculate", "can you calculate?"),
            ("greeting", "use the tool : x"),
            ("greeting", "use the tool a/b: x"),
        ] {
            assert_eq!(tool_call(intent, text), None, "{text}");
        }
    }
}
