//! The text formats that targets expose: Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! ```text
//!   bytes ─▶ Parser ─▶ Entry::Sample { series: "up{a=\"b\"}", value, … } ─▶ Sample::labels()
//!                   ─▶ Entry::Metadata { … }
//! ```
//!
//! [`Parser`] finds the text of each series without reading its labels, so that a scrape cache can
//! recognise a series by its bytes; [`Sample::labels`] reads them where needed. What is accepted is
//! what Prometheus' scraper accepts (`model/textparse`), not the stricter OpenMetrics rules.

mod cursor;
mod encode;
mod labels;
mod openmetrics;
mod parser;
mod text;

pub use encode::TextWriter;
pub use labels::{LabelPairs, LabelsError};
pub use parser::{Entry, ExemplarText, Format, MetadataText, ParseError, Parser, Sample};

#[cfg(test)]
mod tests;
