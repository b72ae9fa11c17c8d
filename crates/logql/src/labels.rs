//! Label sets of results, and the labels of one entry while it passes through a pipeline.

use std::fmt;
use std::sync::Arc;

use skopos_core::Labels;

/// Name of the label that carries the class of a stage's failure.
pub const ERROR: &str = "__error__";
/// Name of the label that says more about the failure.
pub const ERROR_DETAILS: &str = "__error_details__";
/// A label that lets metric queries keep series with errors.
pub const PRESERVE_ERROR: &str = "__preserve_error__";
/// Appended to the name of an extracted label that the stream or the metadata already has.
pub(crate) const EXTRACTED: &str = "_extracted";

/// Label pairs sorted by name. Unlike [`Labels`] it keeps empty values, which LogQL tells apart
/// from absent ones in results.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSet {
    pairs: Arc<[(String, String)]>,
}

impl LabelSet {
    /// The set without labels.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Makes a set of pairs in any order; names must be unique.
    pub fn from_pairs(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort_unstable();
        Self { pairs: pairs.into() }
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of `name` if the set has it.
    pub fn find(&self, name: &str) -> Option<&str> {
        let index = self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok()?;
        Some(&self.pairs[index].1)
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The set of those pairs whose name passes `keep`.
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let pairs: Vec<_> = self.pairs.iter().filter(|(name, _)| keep(name)).cloned().collect();
        Self { pairs: pairs.into() }
    }

    /// The set with `name` set to `value`, or without it if the value is empty.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs: Vec<_> = self.pairs.iter().filter(|(n, _)| n != name).cloned().collect();
        if !value.is_empty() {
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Self::from_pairs(pairs)
    }
}

impl Default for LabelSet {
    fn default() -> Self {
        Self { pairs: Arc::new([]) }
    }
}

impl From<&Labels> for LabelSet {
    fn from(labels: &Labels) -> Self {
        let pairs: Vec<_> = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Self { pairs: pairs.into() }
    }
}

/// `{name="value", other="value"}` with Go's quoting.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            write!(f, "{separator}{name}={}", crate::gofmt::quote(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a label of an entry comes from. A later kind wins over an earlier one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// The stream.
    Stream,
    /// The entry's structured metadata.
    Metadata,
    /// A parser or a format stage.
    Parsed,
}

#[derive(Debug)]
struct Slot {
    name: String,
    value: String,
    category: Category,
}

/// The labels of one entry. Made once per pipeline and reset for each entry, so that the stream's
/// labels are copied only when the stream changes.
#[derive(Debug, Default)]
pub struct EntryLabels {
    stream: Labels,
    slots: Vec<Slot>,
    stream_slots: usize,
    stream_changed: bool,
    error: Option<&'static str>,
    error_details: Option<String>,
    preserve_error: bool,
}

impl EntryLabels {
    /// Starts an entry.
    pub fn reset(&mut self, stream: &Labels, metadata: &Labels) {
        self.error = None;
        self.error_details = None;
        if self.stream_changed || self.stream_slots == 0 || !same_text(&self.stream, stream) {
            self.stream = stream.clone();
            self.slots.clear();
            self.slots
                .extend(stream.iter().map(|(name, value)| slot(name, value, Category::Stream)));
            self.stream_slots = self.slots.len();
            self.stream_changed = false;
            self.preserve_error = stream.find(PRESERVE_ERROR) == Some("true");
        } else {
            self.slots.truncate(self.stream_slots);
        }
        for (name, value) in metadata {
            match name {
                ERROR | ERROR_DETAILS => {}
                _ if self.stream_has(name) => self.set(Category::Metadata, &format!("{name}{EXTRACTED}"), value),
                _ => self.slots.push(slot(name, value, Category::Metadata)),
            }
        }
    }

    /// Whether the stream has the label, whatever became of it since.
    fn stream_has(&self, name: &str) -> bool {
        self.stream.find(name).is_some()
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    /// The label's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match name {
            ERROR => self.error,
            ERROR_DETAILS => self.error_details.as_deref(),
            _ => self.index(name).map(|index| self.slots[index].value.as_str()),
        }
    }

    /// The label's value; error labels do not count.
    pub(crate) fn get_label(&self, name: &str) -> Option<&str> {
        self.index(name).map(|index| self.slots[index].value.as_str())
    }

    /// The label's value and category.
    pub(crate) fn get_with_category(&self, name: &str) -> Option<(&str, Category)> {
        let slot = &self.slots[self.index(name)?];
        Some((&slot.value, slot.category))
    }

    /// Sets a label unless one of a stronger category has its name.
    pub(crate) fn set(&mut self, category: Category, name: &str, value: &str) {
        match self.index(name) {
            Some(index) if self.slots[index].category > category => {}
            Some(index) => {
                self.stream_changed |= index < self.stream_slots;
                let slot = &mut self.slots[index];
                value.clone_into(&mut slot.value);
                slot.category = category;
            }
            None => self.slots.push(slot(name, value, category)),
        }
    }

    /// Removes a label.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(index) = self.index(name) {
            self.stream_changed |= index < self.stream_slots;
            self.slots.remove(index);
        }
    }

    /// Keeps the labels that pass; error labels are not asked.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let before = self.slots.len();
        self.slots
            .retain(|slot| slot.name == PRESERVE_ERROR || keep(&slot.name, &slot.value));
        self.stream_changed |= before != self.slots.len();
    }

    /// The name under which a parser stores `name`: `_extracted` is appended where the stream or
    /// the metadata has it.
    pub(crate) fn extracted_name(&self, name: &mut String) {
        let taken = self.stream_has(name)
            || self
                .index(name)
                .is_some_and(|index| self.slots[index].category == Category::Metadata);
        if taken {
            name.push_str(EXTRACTED);
        }
    }

    /// Whether a parser has already stored this label for the entry.
    pub(crate) fn is_extracted(&self, name: &str) -> bool {
        self.index(name)
            .is_some_and(|index| self.slots[index].category == Category::Parsed)
    }

    /// Marks the entry as failed.
    pub(crate) fn set_error(&mut self, class: &'static str, details: impl Into<String>) {
        self.error = Some(class);
        self.error_details = Some(details.into());
    }

    /// Whether a stage failed.
    pub(crate) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Forgets the failure's class.
    pub(crate) fn clear_error(&mut self) {
        self.error = None;
    }

    /// Forgets the failure's details.
    pub(crate) fn clear_error_details(&mut self) {
        self.error_details = None;
    }

    /// Whether the stream asks metric queries to keep its errors.
    pub(crate) fn preserves_error(&self) -> bool {
        self.preserve_error
    }

    fn error_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let class = self.error.map(|class| (ERROR, class));
        let details = self.error_details.as_deref().map(|details| (ERROR_DETAILS, details));
        class.into_iter().chain(details)
    }

    /// All pairs, error labels included, in no order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let slots = self.slots.iter().map(|slot| (slot.name.as_str(), slot.value.as_str()));
        slots.chain(self.error_pairs())
    }

    /// All labels.
    pub fn all(&self) -> LabelSet {
        LabelSet::from_pairs(self.pairs().map(owned).collect())
    }

    /// The labels of one category; error labels count as parsed.
    pub fn of(&self, category: Category) -> LabelSet {
        let slots = self.slots.iter().filter(|slot| slot.category == category);
        let mut pairs: Vec<_> = slots.map(|slot| (slot.name.clone(), slot.value.clone())).collect();
        if category == Category::Parsed {
            pairs.extend(self.error_pairs().map(owned));
        }
        LabelSet::from_pairs(pairs)
    }

    /// Whether the stream's labels are as the store gave them.
    pub(crate) fn stream_is_unchanged(&self) -> bool {
        !self.stream_changed
    }
}

fn slot(name: &str, value: &str, category: Category) -> Slot {
    Slot {
        name: name.to_owned(),
        value: value.to_owned(),
        category,
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Whether two sets share their text or are equal; entries of one stream usually share it.
fn same_text(left: &Labels, right: &Labels) -> bool {
    std::ptr::eq(left.encoded(), right.encoded()) || left == right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_win_in_order() {
        let mut labels = EntryLabels::default();
        labels.reset(
            &Labels::from_pairs([("app", "a")]),
            &Labels::from_pairs([("app", "b"), ("id", "1")]),
        );
        assert_eq!(labels.all().to_string(), r#"{app="a", app_extracted="b", id="1"}"#);
        labels.set(Category::Parsed, "app_extracted", "c");
        labels.set(Category::Stream, "id", "2");
        assert_eq!(labels.get("app_extracted"), Some("c"));
        assert_eq!(labels.get("id"), Some("1"));
    }

    #[test]
    fn a_reset_restores_the_stream() {
        let stream = Labels::from_pairs([("app", "a"), ("zone", "z")]);
        let mut labels = EntryLabels::default();
        labels.reset(&stream, &Labels::empty());
        labels.remove("app");
        labels.set(Category::Parsed, "x", "");
        assert_eq!(labels.all().to_string(), r#"{x="", zone="z"}"#);
        labels.reset(&stream, &Labels::empty());
        assert_eq!(labels.all(), LabelSet::from(&stream));
    }
}
