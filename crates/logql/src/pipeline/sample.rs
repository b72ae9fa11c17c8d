//! Turns a line that passed the pipeline into a number.

use crate::ast::{Conversion, RangeExpr, RangeOp, Unwrap};
use crate::error::EvalError;
use crate::labels::EntryLabels;

use super::label_filter::LabelTest;

const EXTRACTION_ERROR: &str = "SampleExtractionErr";

#[derive(Debug)]
enum Source {
    /// Each line is a one.
    Line,
    /// The line's bytes.
    Bytes,
    Label {
        name: String,
        conversion: Conversion,
        post_filters: Vec<LabelTest>,
    },
}

/// What a range function counts.
#[derive(Debug)]
pub(crate) struct SampleExtractor {
    source: Source,
}

impl SampleExtractor {
    pub(crate) fn new(range: &RangeExpr) -> Result<Self, EvalError> {
        let source = match (&range.unwrap, range.op) {
            (Some(unwrap), _) => Self::unwrapped(unwrap)?,
            (None, RangeOp::BytesOverTime | RangeOp::BytesRate) => Source::Bytes,
            (None, _) => Source::Line,
        };
        Ok(Self { source })
    }

    fn unwrapped(unwrap: &Unwrap) -> Result<Source, EvalError> {
        let filters = unwrap.post_filters.iter().map(LabelTest::new);
        Ok(Source::Label {
            name: unwrap.label.clone(),
            conversion: unwrap.conversion,
            post_filters: filters.collect::<Result<_, _>>().map_err(EvalError::Stage)?,
        })
    }

    /// The label that the value comes from, which the series does not keep.
    pub(crate) fn consumed_label(&self) -> Option<&str> {
        match &self.source {
            Source::Label { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The line's value; `None` if it has none.
    pub(crate) fn value(&self, line: &str, labels: &mut EntryLabels) -> Option<f64> {
        let (name, conversion, post_filters) = match &self.source {
            Source::Line => return Some(1.0),
            Source::Bytes => return Some(line.len() as f64),
            Source::Label {
                name,
                conversion,
                post_filters,
            } => (name, conversion, post_filters),
        };
        let text = labels.get(name).filter(|text| !text.is_empty())?;
        let value = convert(*conversion, text).unwrap_or_else(|error| {
            labels.set_error(EXTRACTION_ERROR, error);
            0.0
        });
        post_filters.iter().all(|filter| filter.passes(labels)).then_some(value)
    }
}

fn convert(conversion: Conversion, text: &str) -> Result<f64, String> {
    match conversion {
        Conversion::Number => crate::gofmt::parse_float(text),
        Conversion::Duration | Conversion::DurationSeconds => crate::duration::parse_go(text).map(|ns| ns as f64 / 1e9),
        Conversion::Bytes => crate::bytesize::parse(text).map(|bytes| bytes as f64),
    }
}
