//! Repetitions that Go refuses: one right after another, and counts above a thousand.

/// The largest count of a repetition (`regexp/syntax`).
const MAX_REPEAT: u32 = 1000;

/// The reason why Go would refuse the pattern, in its words.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    let mut rest = pattern;
    let mut before: Option<&str> = None;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let mut operator = None;
        match c {
            '\\' if rest.starts_with("\\Q") && !in_class => {
                taken = rest.find("\\E").map_or(rest.len(), |end| end + 2);
            }
            '\\' => taken += rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' if !in_class => {
                in_class = true;
                taken = class_start(rest);
            }
            '[' if rest.starts_with("[:") => taken = rest.find(":]").map_or(1, |end| end + 2),
            ']' => in_class = false,
            '*' | '+' | '?' if !in_class => operator = Some(taken),
            '{' if !in_class => operator = repetition(rest)?,
            _ => {}
        }
        if let Some(length) = operator {
            taken = length + usize::from(rest[length..].starts_with('?'));
            if before.is_some() {
                let from = before.map_or(0, str::len) + taken;
                let start = pattern.len() - rest.len() + taken - from;
                let both = &pattern[start..pattern.len() - rest.len() + taken];
                return Err(format!("invalid nested repetition operator: `{both}`"));
            }
        }
        before = operator.map(|_| &rest[..taken]);
        rest = &rest[taken..];
    }
    Ok(())
}

/// Bytes of `[`, `[^`, `[]` or `[^]`.
fn class_start(rest: &str) -> usize {
    let negated = 1 + usize::from(rest[1..].starts_with('^'));
    negated + usize::from(rest[negated..].starts_with(']'))
}

/// Bytes of `{n}`, `{n,}` or `{n,m}` at the start; `None` where the brace is a literal.
fn repetition(rest: &str) -> Result<Option<usize>, String> {
    if !super::is_repetition(rest) {
        return Ok(None);
    }
    let length = rest.find('}').map_or(rest.len(), |end| end + 1);
    let counts: Vec<&str> = rest[1..length - 1].split(',').collect();
    let count = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= MAX_REPEAT);
    let least = count(counts[0]);
    let most = match counts.get(1) {
        None | Some(&"") => least,
        Some(text) => count(text),
    };
    match (least, most) {
        (Some(least), Some(most)) if least <= most => Ok(Some(length)),
        _ => Err(format!("invalid repeat count: `{}`", &rest[..length])),
    }
}
