//! The label sets of series and exemplars, read from their text.

use std::borrow::Cow;
use std::fmt;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricType;

use super::cursor::{Cursor, Lines};
use super::parser::Format;
use crate::number::{format_openmetrics_float, parse_float};

/// Name and value pairs in the order written, the metric name first.
pub type LabelPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Why a label set is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelsError {
    /// What is wrong, in Prometheus' words where it has some.
    pub reason: String,
}

impl fmt::Display for LabelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for LabelsError {}

fn refused(reason: impl Into<String>) -> LabelsError {
    LabelsError { reason: reason.into() }
}

/// Reads `name{a="b"}`, `{"name", a="b"}` and their mixtures.
pub(super) fn series_labels(
    series: &[u8],
    format: Format,
    metric_type: MetricType,
) -> Result<LabelPairs<'_>, LabelsError> {
    let mut reader = Reader::new(series, format);
    let name = reader.cursor.take_metric_name();
    if !name.is_empty() {
        reader.set_name(utf8(name, "metric name")?.into())?;
    }
    reader.blanks();
    if reader.cursor.eat(b'{') {
        reader.pairs(Inside::Series)?;
    }
    let mut pairs = reader.finish()?;
    normalise_floats(&mut pairs, metric_type);
    Ok(pairs)
}

/// Reads the `{…}` of an exemplar.
pub(super) fn exemplar_labels(text: &[u8], format: Format) -> Result<LabelPairs<'_>, LabelsError> {
    let mut reader = Reader::new(text, format);
    if reader.cursor.eat(b'{') {
        reader.pairs(Inside::Exemplar)?;
    }
    check_unique(&reader.pairs)?;
    Ok(reader.pairs)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Series,
    Exemplar,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    format: Format,
    name: Option<Cow<'a, str>>,
    pairs: LabelPairs<'a>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8], format: Format) -> Self {
        Self {
            cursor: Cursor::new(text),
            format,
            name: None,
            pairs: Vec::with_capacity(8),
        }
    }

    /// What stands after the opening brace, the closing one included.
    fn pairs(&mut self, inside: Inside) -> Result<(), LabelsError> {
        loop {
            self.blanks();
            if self.cursor.eat(b'}') {
                return Ok(());
            }
            let (label, is_quoted) = self.label_name()?;
            self.blanks();
            if self.cursor.eat(b'=') {
                self.blanks();
                let value = self.label_value()?;
                self.pairs.push((label, value));
                self.blanks();
            } else {
                self.lone_name(label, is_quoted, inside)?;
            }
            // The text format takes labels without a comma between them too.
            if !self.cursor.eat(b',') && self.format == Format::OpenMetrics && self.cursor.peek() != Some(b'}') {
                return Err(refused(format!(
                    "expected comma or brace close, got {}",
                    self.cursor.shown()
                )));
            }
        }
    }

    /// A name without a value is the metric's, if it is quoted.
    fn lone_name(&mut self, label: Cow<'a, str>, is_quoted: bool, inside: Inside) -> Result<(), LabelsError> {
        if !is_quoted || inside == Inside::Exemplar || !matches!(self.cursor.peek(), Some(b',' | b'}')) {
            return Err(refused(format!("expected equal, got {}", self.cursor.shown())));
        }
        self.set_name(label)
    }

    fn label_name(&mut self) -> Result<(Cow<'a, str>, bool), LabelsError> {
        if let Some(quoted) = self.cursor.take_quoted(self.lines()) {
            return Ok((unescape(utf8(quoted, "label name")?), true));
        }
        let name = self.cursor.take_label_name();
        if name.is_empty() {
            return Err(refused(format!("expected label name, got {}", self.cursor.shown())));
        }
        Ok((utf8(name, "label name")?.into(), false))
    }

    fn label_value(&mut self) -> Result<Cow<'a, str>, LabelsError> {
        let quoted = self
            .cursor
            .take_quoted(self.lines())
            .ok_or_else(|| refused(format!("expected label value, got {}", self.cursor.shown())))?;
        Ok(unescape(utf8(quoted, "label value")?))
    }

    fn set_name(&mut self, name: Cow<'a, str>) -> Result<(), LabelsError> {
        if self.name.replace(name).is_some() {
            return Err(refused("metric name already set"));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<LabelPairs<'a>, LabelsError> {
        let name = self.name.take().ok_or_else(|| refused("metric name not set"))?;
        if name.is_empty() {
            return Err(refused("invalid metric name or label names: the metric name is empty"));
        }
        self.pairs.insert(0, (METRIC_NAME.into(), name));
        check_unique(&self.pairs)?;
        Ok(self.pairs)
    }

    /// OpenMetrics has no blanks between the parts.
    fn blanks(&mut self) {
        if self.format == Format::Text {
            self.cursor.skip_blanks();
        }
    }

    const fn lines(&self) -> Lines {
        match self.format {
            Format::Text => Lines::Many,
            Format::OpenMetrics => Lines::One,
        }
    }
}

fn check_unique(pairs: &LabelPairs<'_>) -> Result<(), LabelsError> {
    for (index, (name, _)) in pairs.iter().enumerate() {
        if name.is_empty() {
            return Err(refused("invalid metric name or label names: a label name is empty"));
        }
        if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
            return Err(refused(format!("label name {name:?} is not unique: invalid sample")));
        }
    }
    Ok(())
}

/// Bounds and quantiles get one spelling, so that `le="1"` and `le="1.0"` are one series
/// (`normalizeFloatsInLabelValues` in Prometheus).
fn normalise_floats(pairs: &mut LabelPairs<'_>, metric_type: MetricType) {
    let wanted = match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => "le",
        MetricType::Summary => "quantile",
        _ => return,
    };
    for (_, value) in pairs.iter_mut().filter(|(name, _)| name == wanted) {
        if let Some(number) = parse_float(value.as_bytes()) {
            let number = if number == 0.0 { 0.0 } else { number };
            *value = Cow::Owned(format_openmetrics_float(number));
        }
    }
}

fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, LabelsError> {
    std::str::from_utf8(bytes)
        .map_err(|_| refused(format!("invalid UTF-8 {what}: {:?}", String::from_utf8_lossy(bytes))))
}

/// Resolves `\\`, `\"` and `\n`; other backslashes stay.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let replaced = match (c, chars.peek()) {
            ('\\', Some('\\')) => Some('\\'),
            ('\\', Some('"')) => Some('"'),
            ('\\', Some('n')) => Some('\n'),
            _ => None,
        };
        if replaced.is_some() {
            chars.next();
        }
        out.push(replaced.unwrap_or(c));
    }
    Cow::Owned(out)
}
