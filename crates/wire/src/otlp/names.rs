//! Names of OTLP metrics, units and attributes under Prometheus' rules
//! (`prometheus/otlptranslator`; the OpenTelemetry specification, "Prometheus and OpenMetrics
//! Compatibility").

use std::borrow::Cow;

use skopos_core::labels::is_legacy_label_name;

/// How names are translated (`otlp.translation_strategy` in `prometheus.yml`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TranslationStrategy {
    /// Classic characters, with suffixes of unit and type.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Classic characters, without suffixes.
    UnderscoreEscapingWithoutSuffixes,
    /// Any characters, with suffixes.
    NoUtf8EscapingWithSuffixes,
    /// As they come.
    NoTranslation,
}

impl TranslationStrategy {
    /// All, with their names in `prometheus.yml`.
    pub const ALL: [(&'static str, Self); 4] = [
        ("UnderscoreEscapingWithSuffixes", Self::UnderscoreEscapingWithSuffixes),
        (
            "UnderscoreEscapingWithoutSuffixes",
            Self::UnderscoreEscapingWithoutSuffixes,
        ),
        ("NoUTF8EscapingWithSuffixes", Self::NoUtf8EscapingWithSuffixes),
        ("NoTranslation", Self::NoTranslation),
    ];

    /// Whether names keep characters outside of the classic set.
    pub const fn allows_utf8(self) -> bool {
        matches!(self, Self::NoUtf8EscapingWithSuffixes | Self::NoTranslation)
    }

    /// Whether units and types become suffixes.
    pub const fn adds_suffixes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes
        )
    }
}

/// What of a metric's kind its name depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedKind {
    /// A sum that only grows: `_total`.
    Counter,
    /// A gauge: `_ratio` where the unit is `1`.
    Gauge,
    /// Any other.
    Other,
}

/// A name that has no translation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of a metric's name.
    #[error("normalization for metric {name:?} resulted in empty name")]
    EmptyMetric {
        /// The name as sent.
        name: String,
    },
    /// Only underscores are left of a metric's name.
    #[error("normalization for metric {name:?} resulted in invalid name {normalized:?}")]
    InvalidMetric {
        /// The name as sent.
        name: String,
        /// What became of it.
        normalized: String,
    },
    /// An attribute without a name.
    #[error("label name is empty")]
    EmptyLabel,
    /// An attribute's name of underscores alone.
    #[error("label name {name:?} contains only underscores")]
    OnlyUnderscores {
        /// The name as sent.
        name: String,
    },
    /// Only underscores are left of an attribute's name.
    #[error("normalization for label name {name:?} resulted in invalid name {normalized:?}")]
    InvalidLabel {
        /// The name as sent.
        name: String,
        /// What became of it.
        normalized: String,
    },
}

/// The Prometheus name of a metric. `namespace` is put in front, with an underscore, if not empty.
pub fn metric_name(
    strategy: TranslationStrategy,
    namespace: &str,
    name: &str,
    unit: &str,
    kind: NamedKind,
) -> Result<String, NameError> {
    if strategy.allows_utf8() {
        let full = if namespace.is_empty() {
            name.to_owned()
        } else {
            format!("{namespace}_{name}")
        };
        let full = if strategy.adds_suffixes() {
            with_suffixes(full, unit, kind)
        } else {
            full
        };
        return if full.is_empty() {
            Err(NameError::EmptyMetric { name: name.to_owned() })
        } else {
            Ok(full)
        };
    }
    let normalized = if strategy.adds_suffixes() {
        joined_with_suffixes(namespace, name, unit, kind)
    } else {
        joined(namespace, name)
    };
    if normalized.is_empty() {
        return Err(NameError::EmptyMetric { name: name.to_owned() });
    }
    if normalized != name && only_underscores(&normalized) {
        return Err(NameError::InvalidMetric {
            name: name.to_owned(),
            normalized,
        });
    }
    Ok(normalized)
}

/// The word of a unit: `By/s` is `bytes_per_second`.
pub fn unit_name(strategy: TranslationStrategy, unit: &str) -> String {
    let (main, per) = unit_words(unit);
    let (main, per) = if strategy.allows_utf8() {
        (main, per)
    } else {
        (cleaned(&main).into(), cleaned(&per).into())
    };
    let mut word = match (main.is_empty(), per.is_empty()) {
        (false, false) => format!("{main}_per_{per}"),
        (true, false) => format!("per_{per}"),
        (_, true) => main.into_owned(),
    };
    if word.starts_with('_') {
        word.remove(0);
    }
    if word.ends_with('_') {
        word.pop();
    }
    word
}

/// Escaping without suffixes: underscores stay, runs of other characters become one.
fn joined(namespace: &str, name: &str) -> String {
    let pieces = |text: &str| tokens(text, |c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_')).join("_");
    let name = pieces(name);
    if !namespace.is_empty() {
        return format!("{}_{name}", pieces(namespace));
    }
    without_leading_digit(name)
}

fn joined_with_suffixes(namespace: &str, name: &str, unit: &str, kind: NamedKind) -> String {
    let mut words = tokens(name, is_name_character);
    let (main, per) = unit_words(unit);
    let (main, per) = (cleaned(&main), cleaned(&per));
    let main = if words.contains(&main.as_str()) { "" } else { &main };
    let per = if words.contains(&per.as_str()) { "" } else { &per };
    let main = if per.is_empty() {
        main
    } else {
        main.strip_suffix('_').unwrap_or(main)
    };
    if !main.is_empty() {
        words.push(main);
    }
    if !per.is_empty() {
        words.extend(["per", per]);
    }
    let suffix = match kind {
        NamedKind::Counter => Some("total"),
        NamedKind::Gauge if unit == "1" => Some("ratio"),
        NamedKind::Gauge | NamedKind::Other => None,
    };
    if let Some(suffix) = suffix {
        words.retain(|word| *word != suffix);
        words.push(suffix);
    }
    if !namespace.is_empty() {
        words.insert(0, namespace);
    }
    without_leading_digit(words.join("_"))
}

/// Suffixes on a name whose characters stay: each is moved to the end where it stands there already.
fn with_suffixes(name: String, unit: &str, kind: NamedKind) -> String {
    let (main, per) = unit_words(unit);
    let last = match kind {
        NamedKind::Counter => "total",
        NamedKind::Gauge if unit == "1" => "ratio",
        NamedKind::Gauge | NamedKind::Other => "",
    };
    let per = if per.is_empty() {
        String::new()
    } else {
        format!("per_{per}")
    };
    let mut name = name;
    for suffix in [last, &per] {
        trim_suffix(&mut name, suffix);
    }
    if !main.is_empty() && !name.ends_with(main.as_ref()) {
        name.push('_');
        name.push_str(&main);
    }
    for suffix in [per.as_str(), last].into_iter().filter(|suffix| !suffix.is_empty()) {
        name.push('_');
        name.push_str(suffix);
    }
    name
}

/// Takes `suffix` and the character before it away, if something is left then.
fn trim_suffix(name: &mut String, suffix: &str) {
    if let Some(rest) = name.strip_suffix(suffix).filter(|_| !suffix.is_empty())
        && let Some((at, _)) = rest.char_indices().next_back().filter(|(at, _)| *at > 0)
    {
        name.truncate(at);
    }
}

/// The words of a unit and of what it is measured per; either may be empty.
fn unit_words(unit: &str) -> (Cow<'_, str>, Cow<'_, str>) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    (word_of(main, &UNITS), word_of(per, &PER_UNITS))
}

fn word_of<'a>(unit: &'a str, table: &[(&str, &'static str)]) -> Cow<'a, str> {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return Cow::Borrowed("");
    }
    let known = table.iter().find(|(symbol, _)| *symbol == unit);
    Cow::Borrowed(known.map_or(unit, |(_, word)| *word))
}

/// A unit in classic characters, without runs of underscores and without one in front.
fn cleaned(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        let c = if is_name_character(c) { c } else { '_' };
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    if out.starts_with('_') {
        out.remove(0);
    }
    out
}

const fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn tokens(text: &str, keep: impl Fn(char) -> bool) -> Vec<&str> {
    text.split(|c| !keep(c)).filter(|token| !token.is_empty()).collect()
}

fn without_leading_digit(name: String) -> String {
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}

fn only_underscores(name: &str) -> bool {
    name.bytes().all(|byte| byte == b'_')
}

/// How attribute names become label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelNamer {
    /// Names stay as they are.
    pub utf8_allowed: bool,
    /// A label that begins with one underscore gets the prefix `key`.
    pub underscore_sanitization: bool,
    /// Runs of underscores stay.
    pub preserve_multiple_underscores: bool,
}

impl LabelNamer {
    /// The label name of an attribute; borrowed where nothing changes.
    pub fn name(self, attribute: &str) -> Result<Cow<'_, str>, NameError> {
        if attribute.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if self.utf8_allowed {
            if only_underscores(attribute) {
                return Err(NameError::OnlyUnderscores {
                    name: attribute.to_owned(),
                });
            }
            return Ok(Cow::Borrowed(attribute));
        }
        if is_legacy_label_name(attribute) && !attribute.starts_with('_') && !attribute.contains("__") {
            return Ok(Cow::Borrowed(attribute));
        }
        let normalized = self.normalized(attribute);
        if only_underscores(&normalized) {
            return Err(NameError::InvalidLabel {
                name: attribute.to_owned(),
                normalized,
            });
        }
        Ok(Cow::Owned(normalized))
    }

    /// Names between double underscores are reserved: only what stands between them changes.
    fn normalized(self, attribute: &str) -> String {
        let reserved = attribute
            .strip_prefix("__")
            .and_then(|rest| rest.strip_suffix("__"))
            .filter(|inner| !inner.is_empty());
        let mut name = self.escaped(reserved.unwrap_or(attribute));
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            name.insert_str(0, "key_");
        } else if self.underscore_sanitization && name.starts_with('_') && !name.starts_with("__") {
            name.insert_str(0, "key");
        }
        match reserved {
            Some(_) => format!("__{name}__"),
            None => name,
        }
    }

    fn escaped(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 4);
        for c in text.chars() {
            let c = if c.is_ascii_alphanumeric() { c } else { '_' };
            if c != '_' || self.preserve_multiple_underscores || !out.ends_with('_') {
                out.push(c);
            }
        }
        out
    }
}

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];
