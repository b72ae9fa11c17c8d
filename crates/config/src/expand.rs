//! Environment variables in values: `$NAME`, `${NAME}`, `${NAME:-default}`, and `$$` for a dollar.
//!
//! Relabelling is left alone, where `$1` and `${name}` mean groups of the regular expression.
//! A `$` that begins no variable name stays. An unset variable without a default is an empty text
//! in `external_labels`, as in Prometheus; elsewhere the text stays as it is, so that a password
//! with a dollar keeps working, and a warning says so.

use crate::error::Position;
use crate::yaml::{Node, Value};

/// Keys below which nothing is expanded.
const LEFT_ALONE: [&str; 4] = [
    "relabel_configs",
    "metric_relabel_configs",
    "write_relabel_configs",
    "alert_relabel_configs",
];

/// Looks up an environment variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expands all values of a document; gives one warning for each unset variable.
pub(crate) fn expand_document(document: &mut Node, lookup: Lookup<'_>) -> Vec<String> {
    let mut expander = Expander {
        lookup,
        unset_is_empty: false,
        warnings: Vec::new(),
    };
    expander.node(document);
    expander.warnings
}

struct Expander<'a> {
    lookup: Lookup<'a>,
    unset_is_empty: bool,
    warnings: Vec<String>,
}

impl Expander<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Null => {}
            Value::Scalar(text) => {
                if text.contains('$') {
                    *text = self.text(text, node.at);
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(entries) => {
                for entry in entries
                    .iter_mut()
                    .filter(|entry| !LEFT_ALONE.contains(&entry.key.as_str()))
                {
                    let before = self.unset_is_empty;
                    self.unset_is_empty |= entry.key == "external_labels";
                    self.node(&mut entry.node);
                    self.unset_is_empty = before;
                }
            }
        }
    }

    fn text(&mut self, text: &str, at: Position) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            let (replacement, length) = match reference(after) {
                Reference::Dollar => ("$".to_owned(), 1),
                Reference::None => ("$".to_owned(), 0),
                Reference::Variable { name, default, length } => {
                    (self.value(name, default, &after[..length], at), length)
                }
            };
            out.push_str(&replacement);
            rest = &after[length..];
        }
        out.push_str(rest);
        out
    }

    fn value(&mut self, name: &str, default: Option<&str>, written: &str, at: Position) -> String {
        match (
            (self.lookup)(name).filter(|value| default.is_none() || !value.is_empty()),
            default,
        ) {
            (Some(value), _) => value,
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                let became = if self.unset_is_empty {
                    "empty"
                } else {
                    "left as written"
                };
                self.warnings.push(format!(
                    "line {}: environment variable {name} is not set; ${written} is {became}",
                    at.line
                ));
                if self.unset_is_empty {
                    String::new()
                } else {
                    format!("${written}")
                }
            }
        }
    }
}

/// What follows a dollar.
enum Reference<'a> {
    Dollar,
    Variable {
        name: &'a str,
        default: Option<&'a str>,
        length: usize,
    },
    None,
}

fn reference(after: &str) -> Reference<'_> {
    if after.starts_with('$') {
        return Reference::Dollar;
    }
    let Some(braced) = after.strip_prefix('{') else {
        let length = name_length(after);
        return match length {
            0 => Reference::None,
            _ => Reference::Variable {
                name: &after[..length],
                default: None,
                length,
            },
        };
    };
    let Some(end) = braced.find('}') else {
        return Reference::None;
    };
    let (name, default) = match braced[..end].split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (&braced[..end], None),
    };
    if name.is_empty() || name_length(name) != name.len() {
        return Reference::None;
    }
    Reference::Variable {
        name,
        default,
        length: end + 2,
    }
}

/// Length of the variable name that `text` begins with; names do not begin with a digit.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> (Node, Vec<String>) {
        let mut node = crate::yaml::parse(text).expect("the test's YAML is good");
        let lookup = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let warnings = expand_document(&mut node, &lookup);
        (node, warnings)
    }

    fn value(text: &str) -> String {
        let (node, _) = expand(&format!("'{text}'"));
        crate::section::text(&node).expect("a scalar")
    }

    #[test]
    fn forms() {
        for (text, expanded) in [
            ("$A", "x"),
            ("a${A}b$A.", "axbx."),
            ("${NONE:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${A:-d}", "x"),
            ("$$A $$", "$A $"),
            ("$NONE", "$NONE"),
            ("$1 ${1} $ ${ ${}", "$1 ${1} $ ${ ${}"),
        ] {
            assert_eq!(value(text), expanded, "{text}");
        }
    }

    #[test]
    fn places_differ() {
        let (node, warnings) = expand("external_labels: {a: '$NONE'}\nrelabel_configs: [{replacement: '$A'}]");
        let text = format!("{node:?}");
        assert!(
            text.contains("Scalar(\"$A\")") && text.contains("Scalar(\"\")"),
            "{text}"
        );
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("NONE is not set"), "{}", warnings[0]);
    }
}
