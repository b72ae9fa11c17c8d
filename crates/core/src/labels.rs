//! Label sets: the identity of series and log streams.
//!
//! A set is one shared string, so that a million of them stay small: for each pair, sorted by
//! name, the length of the name, the name, the length of the value, the value. Lengths are
//! written in base 64 with ASCII digits below 0x80 (bit 6 says that another digit follows), which
//! keeps the whole a valid string.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

const CONTINUES: u8 = 0x40;
const DIGIT_BITS: usize = 6;
const DIGIT_MASK: usize = 0x3f;

/// A set of label pairs: sorted by name, names unique, no empty value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    encoded: Arc<str>,
}

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Self { encoded: Arc::from("") }
    }

    /// Makes a set of pairs in any order. Pairs with an empty value are left out; of two pairs
    /// with one name the last holds.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Makes a set of pairs that are sorted by name already. `None`, and no set, if they are not,
    /// or if a name occurs twice or a value is empty. Copies each text once.
    pub fn from_sorted_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<Self> {
        let bytes = pairs.clone().map(|(name, value)| name.len() + value.len() + 4).sum();
        let mut encoded = String::with_capacity(bytes);
        let mut previous: Option<&str> = None;
        for (name, value) in pairs {
            if value.is_empty() || previous.is_some_and(|previous| previous >= name) {
                return None;
            }
            previous = Some(name);
            push_text(&mut encoded, name);
            push_text(&mut encoded, value);
        }
        Some(Self {
            encoded: Arc::from(encoded),
        })
    }

    /// The value of `name`, or an empty text where the set has no such label.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or("")
    }

    /// The value of `name` if the set has it.
    pub fn find(&self, name: &str) -> Option<&str> {
        for (candidate, value) in self {
            match candidate.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return Some(value),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// The metric name, or an empty text.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.encoded }
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// A 64-bit hash of the set: stable across processes and versions, not free of collisions.
    pub fn fingerprint(&self) -> u64 {
        Self::fingerprint_of(self.encoded.as_bytes())
    }

    /// The [fingerprint](Self::fingerprint) of the set that is so [encoded](Self::encoded).
    pub fn fingerprint_of(encoded: &[u8]) -> u64 {
        xxh3_64(encoded)
    }

    /// The set as stored: [`Labels::from_encoded`] reads it back.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// Reads what [`Labels::encoded`] gave. `None` if the text is not such an encoding.
    pub fn from_encoded(encoded: &str) -> Option<Self> {
        let mut rest = encoded;
        let mut previous: Option<&str> = None;
        while !rest.is_empty() {
            let (name, after_name) = split_text(rest)?;
            let (value, after_value) = split_text(after_name)?;
            if value.is_empty() || previous.is_some_and(|previous| previous >= name) {
                return None;
            }
            previous = Some(name);
            rest = after_value;
        }
        Some(Self {
            encoded: Arc::from(encoded),
        })
    }

    /// Bytes that the set takes on the heap.
    pub fn size_bytes(&self) -> usize {
        self.encoded.len() + 2 * size_of::<usize>()
    }

    /// The set without `names`.
    pub fn without(&self, names: &[impl AsRef<str>]) -> Self {
        self.filtered(|name| !names.iter().any(|n| n.as_ref() == name))
    }

    /// The set with only `names`.
    pub fn only(&self, names: &[impl AsRef<str>]) -> Self {
        self.filtered(|name| names.iter().any(|n| n.as_ref() == name))
    }

    /// Adds the pairs whose name passes `keep` to `out`, encoded: what [`Labels::encoded`] of such a
    /// set is.
    pub fn encode_filtered(&self, out: &mut String, mut keep: impl FnMut(&str) -> bool) {
        let mut rest = self.encoded.as_ref();
        while let Some((name, after)) = split_text(rest).and_then(|(name, rest)| Some((name, split_text(rest)?.1))) {
            if keep(name) {
                out.push_str(&rest[..rest.len() - after.len()]);
            }
            rest = after;
        }
    }

    /// The set of those pairs whose name passes `keep`.
    pub fn filtered(&self, keep: impl FnMut(&str) -> bool) -> Self {
        let mut encoded = String::with_capacity(self.encoded.len());
        self.encode_filtered(&mut encoded, keep);
        Self {
            encoded: Arc::from(encoded),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Pair by pair, names before values; a prefix sorts first (`labels.Compare` in Prometheus).
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = common_prefix(self.encoded.as_bytes(), other.encoded.as_bytes());
        // Pairs that are the same byte by byte are passed over.
        let mut rest = self.encoded.as_ref();
        let mut start = 0;
        while let Some((_, after)) = split_text(rest).and_then(|(_, rest)| split_text(rest)) {
            let end = self.encoded.len() - after.len();
            if end > common {
                break;
            }
            (start, rest) = (end, after);
        }
        let other_rest = Iter {
            rest: other.encoded.get(start..).unwrap_or(""),
        };
        Iter { rest }.cmp(other_rest)
    }
}

/// How many bytes at the start are the same.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 16;
    let blocks = a.chunks_exact(STEP).zip(b.chunks_exact(STEP));
    let same = blocks.take_while(|(a, b)| a == b).count() * STEP;
    let rest = a[same..].iter().zip(&b[same..]);
    same + rest.take_while(|(a, b)| a == b).count()
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Prometheus' notation `{name="value", other="value"}`; names that are no identifiers are quoted.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(name) {
                write!(f, "{name}={value:?}")?;
            } else {
                write!(f, "{name:?}={value:?}")?;
            }
        }
        f.write_str("}")
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::from_pairs(pairs)
    }
}

/// The pairs of a set.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = split_text(self.rest)?;
        let (value, rest) = split_text(rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

/// Makes or changes a label set.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// A builder without labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder that starts from `labels`.
    pub fn from_labels(labels: &Labels) -> Self {
        Self {
            pairs: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        }
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            return self.remove(name);
        }
        match self.position(name) {
            Ok(index) => value.clone_into(&mut self.pairs[index].1),
            Err(index) => self.pairs.insert(index, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        if let Ok(index) = self.position(name) {
            self.pairs.remove(index);
        }
        self
    }

    /// Keeps only the labels whose name passes `keep`.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.pairs.retain(|(name, _)| keep(name));
        self
    }

    /// The value of `name`, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.position(name).map_or("", |index| &self.pairs[index].1)
    }

    /// The pairs so far, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The set.
    pub fn build(&self) -> Labels {
        let mut encoded = String::with_capacity(self.pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for (name, value) in &self.pairs {
            push_text(&mut encoded, name);
            push_text(&mut encoded, value);
        }
        Labels {
            encoded: Arc::from(encoded),
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.pairs
            .binary_search_by(|(candidate, _)| candidate.as_str().cmp(name))
    }
}

/// Whether `name` is a metric name in the classic character set `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    is_identifier(name, |c| c == b':')
}

/// Whether `name` is a label name in the classic character set `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    is_identifier(name, |_| false)
}

fn is_identifier(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || also(c);
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(allowed)
}

fn push_text(out: &mut String, text: &str) {
    let mut length = text.len();
    while length > DIGIT_MASK {
        out.push(char::from((length & DIGIT_MASK) as u8 | CONTINUES));
        length >>= DIGIT_BITS;
    }
    out.push(char::from(length as u8));
    out.push_str(text);
}

/// As [`push_text`], of bytes that are not known to be UTF-8 yet.
pub(crate) fn encode_text(out: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    while length > DIGIT_MASK {
        out.push((length & DIGIT_MASK) as u8 | CONTINUES);
        length >>= DIGIT_BITS;
    }
    out.push(length as u8);
    out.extend_from_slice(text);
}

fn split_text(encoded: &str) -> Option<(&str, &str)> {
    let mut length = 0usize;
    for (i, byte) in encoded.bytes().enumerate() {
        if byte & 0x80 != 0 || i * DIGIT_BITS >= usize::BITS as usize {
            return None;
        }
        length |= (byte as usize & DIGIT_MASK) << (i * DIGIT_BITS);
        if byte & CONTINUES == 0 {
            let end = (i + 1).checked_add(length)?;
            return Some((encoded.get(i + 1..end)?, encoded.get(end..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_unique() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", ""), ("b", "3")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "3")]);
        assert_eq!(labels.to_string(), r#"{a="1", b="3"}"#);
        assert_eq!(labels.get("b"), "3");
        assert_eq!(labels.get("z"), "");
    }

    #[test]
    fn sorted_pairs_are_taken_as_they_are() {
        let sorted = [("a", "1"), ("b", "2")];
        assert_eq!(
            Labels::from_sorted_pairs(sorted.into_iter()),
            Some(Labels::from_pairs(sorted))
        );
        for broken in [
            [("b", "1"), ("a", "2")],
            [("a", "1"), ("a", "2")],
            [("a", ""), ("b", "2")],
        ] {
            assert_eq!(Labels::from_sorted_pairs(broken.into_iter()), None, "{broken:?}");
        }
    }

    #[test]
    fn long_values_round_trip() {
        let long = "é".repeat(5000);
        let labels = Labels::from_pairs([("path", long.as_str()), ("x", "y")]);
        assert_eq!(labels.get("path"), long);
        assert_eq!(Labels::from_encoded(labels.encoded()), Some(labels));
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["\u{1}", "\u{1}a\u{5}b", "\u{1}b\u{1}x\u{1}a\u{1}x", "\u{1}a\u{0}", "é"] {
            assert_eq!(Labels::from_encoded(text), None, "{text:?}");
        }
    }

    #[test]
    fn order_is_by_pairs() {
        let short = Labels::from_pairs([("a", "1")]);
        let long = Labels::from_pairs([("a", "1"), ("b", "1")]);
        let later = Labels::from_pairs([("a", "2")]);
        assert!(short < long && long < later);
    }

    #[test]
    fn without_and_only() {
        let labels = Labels::from_pairs([("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(labels.without(&["b"]), Labels::from_pairs([("a", "1"), ("c", "3")]));
        assert_eq!(labels.only(&["b", "z"]), Labels::from_pairs([("b", "2")]));
    }
}
