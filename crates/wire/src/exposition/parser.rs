//! The streaming parser: entry by entry, borrowing from the input.

use std::borrow::Cow;
use std::fmt;

use skopos_core::metric::MetricType;

use super::cursor::{Cursor, Lines};
use super::labels::{LabelPairs, LabelsError, exemplar_labels, series_labels};
use super::{openmetrics, text};
use crate::number::parse_float;

/// The format of an exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// Reads a `Content-Type`, parameters ignored. `None` for other media types.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Some(Self::OpenMetrics)
        } else if media_type.eq_ignore_ascii_case("text/plain") {
            Some(Self::Text)
        } else {
            None
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFormat {
    /// Lines of text.
    Text(Format),
    /// `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited`.
    Protobuf,
}

impl BodyFormat {
    /// Reads a `Content-Type`, parameters ignored. `None` for other media types.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/vnd.google.protobuf") {
            Some(Self::Protobuf)
        } else {
            Format::from_content_type(value).map(Self::Text)
        }
    }
}

/// A place in an exposition that does not parse. The scrape fails as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, in Prometheus' words where it has some.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ParseError {}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// A sample.
    Sample(Sample<'a>),
    /// A HELP, TYPE or UNIT line.
    Metadata(MetadataText<'a>),
}

/// A HELP, TYPE or UNIT line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataText<'a> {
    /// `# HELP metric text`.
    Help {
        /// The family's name.
        metric: Cow<'a, str>,
        /// Its help text.
        help: Cow<'a, str>,
    },
    /// `# TYPE metric type`.
    Type {
        /// The family's name.
        metric: Cow<'a, str>,
        /// Its type.
        metric_type: MetricType,
    },
    /// `# UNIT metric unit`.
    Unit {
        /// The family's name.
        metric: Cow<'a, str>,
        /// Its unit.
        unit: Cow<'a, str>,
    },
}

/// A sample line. Its labels are not read yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The series as written, such as `up{job="a"}`.
    pub series: &'a [u8],
    /// The value; every NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the Unix epoch, where the line has a timestamp.
    pub timestamp_ms: Option<i64>,
    /// The exemplar, where the line has one.
    pub exemplar: Option<ExemplarText<'a>>,
    /// The type announced last.
    pub metric_type: MetricType,
    pub(super) format: Format,
}

/// The exemplar of a sample line. Its labels are not read yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarText<'a> {
    pub(super) text: &'a [u8],
    pub(super) format: Format,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Sample<'a> {
    /// The labels of the series, the metric name first; `le` and `quantile` in their normal form.
    pub fn labels(&self) -> Result<LabelPairs<'a>, LabelsError> {
        series_labels(self.series, self.format, self.metric_type)
    }
}

impl<'a> ExemplarText<'a> {
    /// The labels of the exemplar.
    pub fn labels(&self) -> Result<LabelPairs<'a>, LabelsError> {
        exemplar_labels(self.text, self.format)
    }
}

/// Reads an exposition entry by entry. After an error there is nothing more.
#[derive(Debug)]
pub struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    input: &'a [u8],
    format: Format,
    pub(super) metric_type: MetricType,
    is_done: bool,
}

/// What a format's line reader found.
pub(super) enum Line<'a> {
    Entry(Entry<'a>),
    /// A comment or blank line.
    Nothing,
    End,
}

impl<'a> Parser<'a> {
    /// A parser of `input`.
    pub fn new(input: &'a [u8], format: Format) -> Self {
        Self {
            cursor: Cursor::new(input),
            input,
            format,
            metric_type: MetricType::Unknown,
            is_done: false,
        }
    }

    /// The line that was read last, from 1: for errors that a caller finds in a sample.
    pub fn line(&self) -> usize {
        let read = self.input.get(..self.cursor.position()).unwrap_or(self.input);
        let whole = read.strip_suffix(b"\n").unwrap_or(read);
        1 + memchr::memchr_iter(b'\n', whole).count()
    }

    fn error(&self, reason: String) -> ParseError {
        ParseError {
            line: self.line(),
            reason,
        }
    }

    /// Steps over the series at `start`, whose name may have been read already.
    pub(super) fn series(&mut self, start: usize, lines: Lines) -> Result<&'a [u8], String> {
        if self.cursor.eat(b'{') && !self.cursor.skip_braces(lines) {
            return Err(format!("expected the end of the labels, got {}", self.cursor.shown()));
        }
        Ok(self.cursor.since(start))
    }

    /// The name in a metadata line, quoted or not.
    pub(super) fn metadata_name(&mut self, keyword: &str) -> Result<Cow<'a, str>, String> {
        let quoted = self.cursor.take_quoted(Lines::One);
        let name = quoted.unwrap_or_else(|| self.cursor.take_metric_name());
        if name.is_empty() {
            return Err(format!(
                "expected metric name after {keyword}, got {}",
                self.cursor.shown()
            ));
        }
        let name = std::str::from_utf8(name).map_err(|_| format!("metric name after {keyword} is not UTF-8"))?;
        Ok(super::labels::unescape(name))
    }
}

/// Entries up to the end or the first error.
impl<'a> Iterator for Parser<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done {
            let line = match self.format {
                Format::Text => text::line(self),
                Format::OpenMetrics => openmetrics::line(self),
            };
            match line {
                Ok(Line::Entry(entry)) => return Some(Ok(entry)),
                Ok(Line::Nothing) => {}
                Ok(Line::End) => self.is_done = true,
                Err(reason) => {
                    self.is_done = true;
                    return Some(Err(self.error(reason)));
                }
            }
        }
        None
    }
}

/// Reads a sample's value; any NaN becomes the ordinary one, so that none is taken for the
/// staleness marker.
pub(super) fn value(text: &[u8]) -> Result<f64, String> {
    match parse_float(text) {
        Some(value) if value.is_nan() => Ok(f64::NAN),
        Some(value) => Ok(value),
        None => Err(format!("{:?} is not a number", String::from_utf8_lossy(text))),
    }
}
