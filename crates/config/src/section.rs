//! The strict reader of a mapping: every key must be asked for, of the right kind, and come once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::duration::parse_duration;
use crate::error::{Problem, Result};
use crate::secret::Secret;
use crate::size::parse_size;
use crate::yaml::{Entry, Node, Value};

/// A mapping being read. [`Section::finish`] refuses keys that nobody asked for.
#[derive(Debug)]
pub struct Section<'a> {
    node: &'a Node,
    entries: &'a [Entry],
    /// Upstream's name of the type, which its users know from its errors.
    type_name: &'static str,
    asked: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<Problem>>,
}

impl<'a> Section<'a> {
    /// Begins to read `node`. Null reads as an empty mapping.
    pub fn new(node: &'a Node, type_name: &'static str) -> Result<Self> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                return Err(node
                    .mismatch(type_name)
                    .help("a mapping is expected here: write each key on its own line"));
            }
        };
        let section = Self {
            node,
            entries,
            type_name,
            asked: RefCell::new(Vec::new()),
            refused: RefCell::new(Vec::new()),
        };
        section.refuse_repeated_keys()?;
        Ok(section)
    }

    /// A problem with the section as a whole.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::at(self.node.at, message)
    }

    /// A problem with the value of `key`, or with the section where the key is absent.
    pub fn problem_at(&self, key: &str, message: impl Into<String>) -> Problem {
        let at = self
            .entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or(self.node.at, |entry| entry.node.at);
        Problem::at(at, message)
    }

    /// The value of `key`, null included.
    pub fn raw(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The value of `key` unless it is null.
    pub fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.raw(key).filter(|node| !node.is_null())
    }

    /// Whether `key` is written, null included.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Result<Option<String>> {
        self.get(key).map(text).transpose()
    }

    /// A text; empty where absent.
    pub fn text_or_empty(&self, key: &'static str) -> Result<String> {
        Ok(self.text(key)?.unwrap_or_default())
    }

    /// A secret; empty where absent.
    pub fn secret(&self, key: &'static str) -> Result<Secret> {
        self.text_or_empty(key).map(Secret::new)
    }

    /// True or false.
    pub fn flag(&self, key: &'static str) -> Result<Option<bool>> {
        self.parsed(key, "true or false", |text| flag_of(text).ok_or(None))
    }

    /// True or false, or a default.
    pub fn flag_or(&self, key: &'static str, default: bool) -> Result<bool> {
        Ok(self.flag(key)?.unwrap_or(default))
    }

    /// A whole number from 0.
    pub fn count(&self, key: &'static str) -> Result<Option<u64>> {
        self.parsed(key, "a whole number from 0", |text| text.parse().map_err(|_| None))
    }

    /// A whole number from 0, or a default.
    pub fn count_or(&self, key: &'static str, default: u64) -> Result<u64> {
        Ok(self.count(key)?.unwrap_or(default))
    }

    /// A whole number.
    pub fn integer(&self, key: &'static str) -> Result<Option<i64>> {
        self.parsed(key, "a whole number", |text| text.parse().map_err(|_| None))
    }

    /// A number.
    pub fn number(&self, key: &'static str) -> Result<Option<f64>> {
        self.parsed(key, "a number", |text| text.parse().map_err(|_| None))
    }

    /// A duration in Prometheus' notation.
    pub fn duration(&self, key: &'static str) -> Result<Option<Duration>> {
        self.parsed(key, "a duration such as 30s or 1h30m", |text| {
            parse_duration(text).map_err(|error| Some(error.to_string()))
        })
    }

    /// A duration in Prometheus' notation, or a default.
    pub fn duration_or(&self, key: &'static str, default: Duration) -> Result<Duration> {
        Ok(self.duration(key)?.unwrap_or(default))
    }

    /// A size in bytes; negative sizes are for the caller to refuse.
    pub fn size(&self, key: &'static str) -> Result<Option<i64>> {
        self.parsed(key, "a size such as 10MB", |text| {
            parse_size(text).map_err(|error| Some(error.to_string()))
        })
    }

    /// One of `names`; anything else is refused with `message`.
    pub fn choice<T: Copy>(
        &self,
        key: &'static str,
        names: &[(&str, T)],
        message: impl Fn(&str) -> String,
    ) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if let Some((_, value)) = names.iter().find(|(name, _)| *name == text) {
            return Ok(Some(*value));
        }
        let known = names.iter().map(|(name, _)| *name).filter(|name| !name.is_empty());
        let known: Vec<&str> = known.collect();
        Err(self
            .problem_at(key, message(&text))
            .help(format!("use one of: {}", known.join(", "))))
    }

    /// The items of a list; a null list is empty.
    pub fn items(&self, key: &'static str) -> Result<&'a [Node]> {
        match self.get(key).map(|node| (&node.value, node)) {
            None => Ok(&[]),
            Some((Value::List(items), _)) => Ok(items),
            Some((_, node)) => Err(
                Problem::at(node.at, format!("a list is expected for {key}, not {}", node.kind()))
                    .help("write each item on its own line after \"- \""),
            ),
        }
    }

    /// A list, each item read by `read`.
    pub fn list<T>(&self, key: &'static str, read: impl Fn(&'a Node) -> Result<T>) -> Result<Vec<T>> {
        self.items(key)?.iter().map(read).collect()
    }

    /// A list of texts.
    pub fn texts(&self, key: &'static str) -> Result<Vec<String>> {
        self.list(key, text)
    }

    /// A mapping of texts.
    pub fn text_map(&self, key: &'static str) -> Result<BTreeMap<String, String>> {
        let Some(node) = self.get(key) else {
            return Ok(BTreeMap::new());
        };
        let section = Section::new(node, "map[string]string")?;
        let pairs = section.entries.iter();
        pairs
            .map(|entry| Ok((entry.key.clone(), text_or_null(&entry.node)?)))
            .collect()
    }

    /// A mapping of lists of texts; a single text counts as a list of one.
    pub fn lists_map(&self, key: &'static str) -> Result<BTreeMap<String, Vec<String>>> {
        let Some(node) = self.get(key) else {
            return Ok(BTreeMap::new());
        };
        let section = Section::new(node, "map[string][]string")?;
        let mut map = BTreeMap::new();
        for entry in section.entries {
            let values = match &entry.node.value {
                Value::List(items) => items.iter().map(text).collect::<Result<_>>()?,
                _ => vec![text_or_null(&entry.node)?],
            };
            map.insert(entry.key.clone(), values);
        }
        Ok(map)
    }

    /// A mapping of values of any kind.
    pub fn json_map(&self, key: &'static str) -> Result<BTreeMap<String, serde_json::Value>> {
        let Some(node) = self.get(key) else {
            return Ok(BTreeMap::new());
        };
        let section = Section::new(node, "map[string]interface {}")?;
        let pairs = section.entries.iter();
        Ok(pairs.map(|entry| (entry.key.clone(), entry.node.to_json())).collect())
    }

    /// The pairs of this mapping, whatever their keys.
    pub fn pairs(&self) -> &'a [Entry] {
        self.entries
    }

    /// Reads the mapping under `key` and requires that all of it is read.
    pub fn section<T>(
        &self,
        key: &'static str,
        type_name: &'static str,
        read: impl FnOnce(&Section<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => read_section(node, type_name, read).map(Some),
        }
    }

    /// Refuses the section once it is read as a whole: unknown keys, which may be the cause of the
    /// problem, are told first.
    pub fn refuse(&self, problem: Problem) {
        self.refused.borrow_mut().push(problem);
    }

    /// Refuses keys that were not asked for, then the first of what was refused meanwhile.
    pub fn finish(&self) -> Result<()> {
        let asked = self.asked.borrow();
        match self.entries.iter().find(|entry| !asked.contains(&entry.key.as_str())) {
            None => self.refused.borrow().first().cloned().map_or(Ok(()), Err),
            Some(entry) => Err(Problem::at(
                entry.key_at,
                format!("field {} not found in type {}", entry.key, self.type_name),
            )
            .help(advice(&entry.key, &asked))),
        }
    }

    fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> std::result::Result<T, Option<String>>,
    ) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match parse(text.trim()) {
            Ok(value) => Ok(Some(value)),
            Err(Some(message)) => Err(self.problem_at(key, message).help(format!("{key} takes {expected}"))),
            Err(None) => Err(self.problem_at(key, format!("{key} must be {expected}, not {text:?}"))),
        }
    }

    fn refuse_repeated_keys(&self) -> Result<()> {
        for (index, entry) in self.entries.iter().enumerate() {
            if self.entries[..index].iter().any(|earlier| earlier.key == entry.key) {
                return Err(Problem::at(
                    entry.key_at,
                    format!("field {} already set in type {}", entry.key, self.type_name),
                )
                .help(format!("join both {} sections into one", entry.key)));
            }
        }
        Ok(())
    }
}

/// Reads `node` as a mapping and requires that all of it is read.
pub fn read_section<'a, T>(
    node: &'a Node,
    type_name: &'static str,
    read: impl FnOnce(&Section<'a>) -> Result<T>,
) -> Result<T> {
    let section = Section::new(node, type_name)?;
    let value = read(&section)?;
    section.finish()?;
    Ok(value)
}

/// The truth of a YAML scalar, in the spellings of YAML 1.1.
pub(crate) fn flag_of(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A single value as text.
pub fn text(node: &Node) -> Result<String> {
    match &node.value {
        Value::Scalar(text) => Ok(text.clone()),
        _ => Err(node
            .mismatch("string")
            .help(format!("a single value is expected here, not {}", node.kind()))),
    }
}

/// A single value as text, null as an empty one.
pub fn text_or_null(node: &Node) -> Result<String> {
    if node.is_null() { Ok(String::new()) } else { text(node) }
}

fn advice(unknown: &str, known: &[&'static str]) -> String {
    let nearest = known.iter().map(|key| (distance(unknown, key), key)).min();
    match nearest {
        Some((distance, key)) if distance <= 2.max(unknown.len() / 4) => format!("did you mean {key}?"),
        _ => {
            let mut keys = known.to_vec();
            keys.sort_unstable();
            keys.dedup();
            format!("known here: {}", keys.join(", "))
        }
    }
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
