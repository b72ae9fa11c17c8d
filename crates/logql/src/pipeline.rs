//! Compiled pipelines: what is done to one line and its labels.
//!
//! Line filters that stand before the first stage that changes the line are collected in front,
//! so that most lines are refused before a label is looked at.

mod format;
mod json;
mod json_path;
mod label_filter;
mod line_filter;
mod logfmt;
mod parsers;
mod sample;
mod template_functions;

use std::borrow::Cow;

use regex::Regex;
use skopos_core::MatchOp;

use crate::ast::{LabelFilter, LabelRef, LineFilter, LineOp, LineOperand, Stage};
use crate::error::EvalError;
use crate::labels::{Category, ERROR, ERROR_DETAILS, EXTRACTED, EntryLabels};
use format::{LabelFormatter, LineFormatter};
use json::JsonExtractor;
use label_filter::LabelTest;
use line_filter::LineTest;
use logfmt::LogfmtParser;
use parsers::{PatternParser, RegexpParser};

pub use json_path::{Segment, parse_json_path, parse_logfmt_key};
pub(crate) use sample::SampleExtractor;

/// ANSI escape sequences, as `decolorize` removes them.
const ANSI: &str = r"[\x{1B}\x{9B}][\[\]()#;?]*(?:(?:(?:[a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)*)?\x{07})|(?:(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-ntqry=><~]))";

#[derive(Debug)]
enum Step {
    Line(LineTest),
    Json,
    JsonExtract(JsonExtractor),
    Logfmt(LogfmtParser),
    Regexp(RegexpParser),
    Pattern(PatternParser),
    Unpack,
    LabelFilter(LabelTest),
    LineFormat(LineFormatter),
    LabelFormat(LabelFormatter),
    Decolorize(Regex),
    Drop(Vec<LabelRef>),
    Keep(Vec<LabelRef>),
}

/// The stages of a query, ready to run.
#[derive(Debug, Default)]
pub struct Pipeline {
    filters: Vec<LineTest>,
    steps: Vec<Step>,
    line_contains: Vec<String>,
    has_labels: Vec<(String, String)>,
}

impl Pipeline {
    /// Builds the stages.
    pub fn compile(stages: &[Stage]) -> Result<Self, EvalError> {
        let mut pipeline = Self::default();
        let mut line_is_original = true;
        let mut labels_are_original = true;
        for stage in stages {
            if let (Stage::LineFilter(filter), true) = (stage, line_is_original) {
                pipeline.note_required_text(filter);
                pipeline.filters.push(LineTest::new(filter)?);
                continue;
            }
            match stage {
                Stage::LabelFilter(filter) if labels_are_original => pipeline.note_required_labels(filter),
                _ => labels_are_original = false,
            }
            line_is_original &= !matches!(stage, Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize);
            pipeline.steps.push(compile_step(stage)?);
        }
        Ok(pipeline)
    }

    fn note_required_text(&mut self, filter: &LineFilter) {
        if let (LineOp::Contains, [LineOperand::Text(text)]) = (filter.op, filter.operands.as_slice())
            && !text.is_empty()
        {
            self.line_contains.push(text.clone());
        }
    }

    /// Only before parsers does a label come from the stream or the metadata. Names with the suffix
    /// of conflicts stand for labels of another name.
    fn note_required_labels(&mut self, filter: &LabelFilter) {
        match filter {
            LabelFilter::And(left, right) => {
                self.note_required_labels(left);
                self.note_required_labels(right);
            }
            LabelFilter::Matcher(matcher)
                if matcher.op() == MatchOp::Equal
                    && !matcher.value().is_empty()
                    && !matcher.name().ends_with(EXTRACTED)
                    && !matches!(matcher.name(), ERROR | ERROR_DETAILS) =>
            {
                self.has_labels
                    .push((matcher.name().to_owned(), matcher.value().to_owned()));
            }
            _ => {}
        }
    }

    /// Pairs that every entry that passes has in its stream or its metadata.
    pub fn has_labels(&self) -> &[(String, String)] {
        &self.has_labels
    }

    /// Texts that every line must contain to pass.
    pub fn line_contains(&self) -> &[String] {
        &self.line_contains
    }

    /// Whether the stream's labels and the metadata pass unread and unchanged.
    pub(crate) fn only_filters_lines(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the line as stored passes the filters in front.
    pub fn accepts_line(&self, line: &str) -> bool {
        self.filters.iter().all(|filter| filter.passes(line))
    }

    /// Runs the stages behind those filters. Gives the line as it leaves, or `None` if it is left out.
    pub fn run<'l>(&self, timestamp_ns: i64, line: &'l str, labels: &mut EntryLabels) -> Option<Cow<'l, str>> {
        let mut line = Cow::Borrowed(line);
        for step in &self.steps {
            if !step.run(timestamp_ns, &mut line, labels) {
                return None;
            }
        }
        Some(line)
    }
}

fn compile_step(stage: &Stage) -> Result<Step, EvalError> {
    let failed = EvalError::Stage;
    Ok(match stage {
        Stage::LineFilter(filter) => Step::Line(LineTest::new(filter)?),
        Stage::Json(extract) if extract.is_empty() => Step::Json,
        Stage::Json(extract) => Step::JsonExtract(JsonExtractor::new(extract).map_err(failed)?),
        Stage::Logfmt(stage) => Step::Logfmt(LogfmtParser::new(stage).map_err(failed)?),
        Stage::Regexp(pattern) => Step::Regexp(RegexpParser::new(pattern).map_err(failed)?),
        Stage::Pattern(pattern) => Step::Pattern(PatternParser::new(pattern).map_err(failed)?),
        Stage::Unpack => Step::Unpack,
        Stage::LabelFilter(filter) => Step::LabelFilter(LabelTest::new(filter).map_err(failed)?),
        Stage::LineFormat(template) => Step::LineFormat(LineFormatter::new(template).map_err(failed)?),
        Stage::LabelFormat(formats) => Step::LabelFormat(LabelFormatter::new(formats).map_err(failed)?),
        Stage::Decolorize => Step::Decolorize(Regex::new(ANSI).expect("the pattern is a constant that compiles")),
        Stage::Drop(refs) => Step::Drop(refs.clone()),
        Stage::Keep(refs) => Step::Keep(refs.clone()),
    })
}

impl Step {
    fn run(&self, timestamp_ns: i64, line: &mut Cow<'_, str>, labels: &mut EntryLabels) -> bool {
        match self {
            Self::Line(test) => return test.passes(line),
            Self::LabelFilter(test) => return test.passes(labels),
            Self::Json => json::parse_all(line, labels),
            Self::JsonExtract(extractor) => extractor.run(line, labels),
            Self::Logfmt(parser) => parser.run(line, labels),
            Self::Regexp(parser) => parser.run(line, labels),
            Self::Pattern(parser) => parser.run(line, labels),
            Self::Unpack => {
                if let Some(entry) = json::unpack(line, labels) {
                    *line = Cow::Owned(entry);
                }
            }
            Self::LineFormat(formatter) => {
                if let Some(formatted) = formatter.run(timestamp_ns, line, labels) {
                    *line = Cow::Owned(formatted);
                }
            }
            Self::LabelFormat(formatter) => formatter.run(timestamp_ns, line, labels),
            Self::Decolorize(ansi) => {
                if let Cow::Owned(plain) = ansi.replace_all(line, "") {
                    *line = Cow::Owned(plain);
                }
            }
            Self::Drop(refs) => refs.iter().for_each(|label| drop_label(label, labels)),
            Self::Keep(refs) => keep_labels(refs, labels),
        }
        true
    }
}

fn drop_label(label: &LabelRef, labels: &mut EntryLabels) {
    let name = match label {
        LabelRef::Name(name) => name.as_str(),
        LabelRef::Matcher(matcher) => {
            if !matcher.matches(labels.get(matcher.name()).unwrap_or("")) {
                return;
            }
            matcher.name()
        }
    };
    match name {
        ERROR => labels.clear_error(),
        ERROR_DETAILS => labels.clear_error_details(),
        _ => labels.remove(name),
    }
}

fn keep_labels(refs: &[LabelRef], labels: &mut EntryLabels) {
    if refs.is_empty() {
        return;
    }
    labels.retain(|name, value| {
        refs.iter().any(|label| match label {
            LabelRef::Name(kept) => kept == name,
            LabelRef::Matcher(matcher) => matcher.name() == name && matcher.matches(value),
        })
    });
}

/// Turns a key of a line into a label name. A name that starts with a digit gets `_` in front
/// where it starts the label.
pub fn sanitize_label_key(key: &str, is_first: bool) -> String {
    let key = key.trim();
    let mut out = String::with_capacity(key.len() + 1);
    if is_first && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    out
}

/// Stores what a parser found, unless it has found the name before.
fn store_extracted(labels: &mut EntryLabels, mut name: String, value: &str) {
    labels.extracted_name(&mut name);
    if labels.is_extracted(&name) {
        return;
    }
    store(labels, &name, value);
}

/// Stores a value with unreadable characters as spaces.
fn store(labels: &mut EntryLabels, name: &str, value: &str) {
    if value.contains(char::REPLACEMENT_CHARACTER) {
        labels.set(Category::Parsed, name, &value.replace(char::REPLACEMENT_CHARACTER, " "));
    } else {
        labels.set(Category::Parsed, name, value);
    }
}
