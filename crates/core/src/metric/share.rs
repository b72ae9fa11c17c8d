//! Series that are lent by several threads at once.

use std::fmt;
use std::ops::ControlFlow;

use super::{Lent, SeriesView};
use crate::{QueryBudget, ReadError};

/// Some of the series of a selection, which one thread takes.
pub trait Share: Send + fmt::Debug {
    /// Lends them, as [`super::MetricSource::visit`] does.
    fn visit(
        self: Box<Self>,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&SeriesView<'_>) -> ControlFlow<()>,
    ) -> Result<Lent, ReadError>;
}
