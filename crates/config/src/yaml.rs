//! A YAML document as a tree whose nodes know their place. Knows nothing of what it means.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::error::{Position, Problem, Result};

/// Most nodes of a document, aliases expanded: bounds what a document of aliases can grow to.
const MAX_NODES: usize = 1_000_000;
/// Longest value that a message shows whole.
const MAX_SHOWN: usize = 10;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it begins.
    pub at: Position,
    /// Whether it is a scalar in quotes or a block, which is always a text.
    pub is_quoted: bool,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Absent, `~` or `null`.
    Null,
    /// Any other scalar, as text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Pairs in their order; a key may come twice.
    Map(Vec<Entry>),
}

/// A pair of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub key_at: Position,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Whether the value is absent or null.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The problem of a value of another shape than the type has, in the words of Go's reader.
    pub(crate) fn mismatch(&self, type_name: &str) -> Problem {
        let found = match &self.value {
            Value::Null => "!!null".to_owned(),
            Value::List(_) => "!!seq".to_owned(),
            Value::Map(_) => "!!map".to_owned(),
            Value::Scalar(text) if text.len() > MAX_SHOWN => {
                let start: String = text.chars().take(MAX_SHOWN - 3).collect();
                format!("{} `{start}...`", self.scalar_tag(text))
            }
            Value::Scalar(text) => format!("{} `{text}`", self.scalar_tag(text)),
        };
        Problem::at(self.at, format!("cannot unmarshal {found} into {type_name}"))
    }

    /// The value in JSON: scalars without quotes are numbers and flags where they read as such.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect(),
            Value::Scalar(text) => match self.scalar_tag(text) {
                "!!int" => text
                    .parse::<i64>()
                    .map_or_else(|_| Json::from(text.as_str()), Json::from),
                "!!float" => text
                    .parse::<f64>()
                    .map_or_else(|_| Json::from(text.as_str()), Json::from),
                "!!bool" => Json::Bool(text == "true"),
                _ => Json::from(text.as_str()),
            },
        }
    }

    fn scalar_tag(&self, text: &str) -> &'static str {
        if self.is_quoted {
            "!!str"
        } else if text.parse::<i64>().is_ok() {
            "!!int"
        } else if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.parse::<f64>().is_ok() {
            "!!float"
        } else if matches!(text, "true" | "false") {
            "!!bool"
        } else {
            "!!str"
        }
    }

    /// What the node is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads the first document of `text`; an empty one is null.
pub fn parse(text: &str) -> Result<Node> {
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    builder.document()
}

struct Builder<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node> {
        loop {
            match self.event()? {
                Some((Event::StreamEnd, span)) => return Ok(null(position(&span))),
                None => return Ok(null(Position { line: 1, column: 1 })),
                Some((Event::StreamStart | Event::DocumentStart(..), _)) => {}
                Some((event, span)) if event.is_node() => return self.node(event, &span, 0),
                Some(_) => {}
            }
        }
    }

    fn event(&mut self) -> Result<Option<(Event<'a>, Span)>> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let at = Position {
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                };
                Err(Problem::at(at, format!("yaml: {}", error.info()))
                    .help("the text is not YAML from here on; look at the indentation and quotes"))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node> {
        let at = position(span);
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(Problem::at(at, "the document is too large or too deeply nested"));
        }
        let is_quoted = matches!(&event, Event::Scalar(_, style, ..) if *style != ScalarStyle::Plain);
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(text, style, tag.as_deref(), at)?, anchor),
            Event::SequenceStart(_, anchor, _) => (Value::List(self.list(depth)?), anchor),
            Event::MappingStart(_, anchor, _) => (Value::Map(self.map(depth)?), anchor),
            Event::Alias(anchor) => return self.alias(anchor, at),
            _ => return Err(Problem::at(at, "yaml: unexpected end of the document")),
        };
        let node = Node { value, at, is_quoted };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node> {
        let node = self.anchors.get(&anchor).cloned();
        let node = node.ok_or_else(|| Problem::at(at, "yaml: unknown anchor"))?;
        self.nodes += count(&node);
        Ok(node)
    }

    fn next_node(&mut self) -> Result<Option<(Event<'a>, Span)>> {
        loop {
            match self.event()? {
                Some((Event::SequenceEnd | Event::MappingEnd, _)) | None => return Ok(None),
                Some((event, span)) if event.is_node() => return Ok(Some((event, span))),
                Some(_) => {}
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next_node()? {
            items.push(self.node(event, &span, depth + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next_node()? {
            let key_at = position(&span);
            let key = match self.node(event, &span, depth + 1)?.value {
                Value::Scalar(text) => text,
                Value::Null => "null".to_owned(),
                _ => return Err(Problem::at(key_at, "a key must be a single value")),
            };
            let Some((event, span)) = self.next_node()? else {
                return Err(Problem::at(key_at, "yaml: a key without a value"));
            };
            let node = self.node(event, &span, depth + 1)?;
            if key == "<<" {
                merge(node, &mut merged);
            } else {
                entries.push(Entry { key, key_at, node });
            }
        }
        for entry in merged {
            if entries.iter().all(|known| known.key != entry.key) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// Collects the pairs of a merge key's value: a map, or a list of maps of which the first wins.
fn merge(node: Node, into: &mut Vec<Entry>) {
    match node.value {
        Value::Map(entries) => into.extend(entries),
        Value::List(nodes) => nodes.into_iter().for_each(|node| merge(node, into)),
        Value::Null | Value::Scalar(_) => {}
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Value> {
    if tag.is_some_and(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() == Some("binary")) {
        return binary(&text).ok_or_else(|| Problem::at(at, "yaml: !!binary value contains invalid base64 data"));
    }
    let is_null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    Ok(if is_null && tag.is_none() {
        Value::Null
    } else {
        Value::Scalar(text.into_owned())
    })
}

fn binary(text: &str) -> Option<Value> {
    use base64::Engine as _;
    let digits: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digits).ok()?;
    Some(Value::Scalar(String::from_utf8_lossy(&bytes).into_owned()))
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| count(&entry.node)).sum::<usize>(),
    }
}

fn null(at: Position) -> Node {
    Node {
        value: Value::Null,
        at,
        is_quoted: false,
    }
}

fn position(span: &Span) -> Position {
    Position {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}
