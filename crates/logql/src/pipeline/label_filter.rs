//! Tests of labels. A value that cannot be converted keeps the line and marks it as failed.

use skopos_core::Matcher;

use crate::ast::{CompareOp, LabelFilter, Quantity};
use crate::ip::IpFilter;
use crate::labels::EntryLabels;

const LABEL_FILTER_ERROR: &str = "LabelFilterErr";

/// A compiled label filter.
#[derive(Debug)]
pub(crate) enum LabelTest {
    Matcher(Matcher),
    Compare {
        name: String,
        op: CompareOp,
        value: Quantity,
    },
    Ip {
        name: String,
        negated: bool,
        filter: IpFilter,
    },
    And(Box<LabelTest>, Box<LabelTest>),
    Or(Box<LabelTest>, Box<LabelTest>),
}

impl LabelTest {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, String> {
        let boxed = |filter: &LabelFilter| Self::new(filter).map(Box::new);
        Ok(match filter {
            LabelFilter::Matcher(matcher) => Self::Matcher(matcher.clone()),
            LabelFilter::Compare { name, op, value } => Self::Compare {
                name: name.clone(),
                op: *op,
                value: *value,
            },
            LabelFilter::Ip { name, negated, pattern } => Self::Ip {
                name: name.clone(),
                negated: *negated,
                filter: IpFilter::new(pattern)?,
            },
            LabelFilter::And(left, right) => Self::And(boxed(left)?, boxed(right)?),
            LabelFilter::Or(left, right) => Self::Or(boxed(left)?, boxed(right)?),
        })
    }

    pub(crate) fn passes(&self, labels: &mut EntryLabels) -> bool {
        match self {
            Self::Matcher(matcher) => matcher.matches(labels.get(matcher.name()).unwrap_or("")),
            Self::Compare { name, op, value } => compare(labels, name, *op, *value),
            Self::Ip { name, negated, filter } => labels
                .get_label(name)
                .is_some_and(|text| filter.matches(text) != *negated),
            // Both sides run, so that a failure of either is seen.
            Self::And(left, right) => left.passes(labels) & right.passes(labels),
            Self::Or(left, right) => left.passes(labels) || right.passes(labels),
        }
    }
}

/// An absent label does not match. A value that cannot be converted does, so that the failure is
/// seen; the first failure is the one that is told.
fn compare(labels: &mut EntryLabels, name: &str, op: CompareOp, value: Quantity) -> bool {
    let Some(text) = labels.get_label(name) else {
        return false;
    };
    let holds = match value {
        Quantity::Number(number) => crate::gofmt::parse_float(text).map(|found| op.holds(&found, &number)),
        Quantity::DurationNs(duration) => crate::duration::parse_go(text).map(|found| op.holds(&found, &duration)),
        Quantity::Bytes(bytes) => crate::bytesize::parse(text).map(|found| op.holds(&found, &bytes)),
    };
    holds.unwrap_or_else(|error| {
        if !labels.has_error() {
            labels.set_error(LABEL_FILTER_ERROR, error);
        }
        true
    })
}
