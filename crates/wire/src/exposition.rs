//! The formats that targets expose: Prometheus text 0.0.4, OpenMetrics 1.0 and protobuf.
//!
//! ```text
//!   bytes ─▶ Parser ─▶ Entry::Sample { series: "up{a=\"b\"}", value, … } ─▶ Sample::labels()
//!                   ─▶ Entry::Metadata { … }
//! ```
//!
//! [`Parser`] finds the text of each series without reading its labels, so that a scrape cache can
//! recognise a series by its bytes; [`Sample::labels`] reads them where needed. What is accepted is
//! what Prometheus' scraper accepts (`model/textparse`), not the stricter OpenMetrics rules.
//! [`read_families`] does the same for protobuf. [`Gatherer`] makes native histograms of classic ones.

mod cursor;
mod encode;
mod families;
mod gather;
mod labels;
mod openmetrics;
mod parser;
mod protobuf;
mod text;

pub use encode::TextWriter;
pub use families::{DELIMITED_CONTENT_TYPE, FamilyValue, FamilyWriter};
pub use gather::{ClassicLines, GatheredEntry, GatheredHistogram, Gatherer};
pub use labels::{LabelPairs, LabelsError};
pub use parser::{BodyFormat, Entry, ExemplarText, Format, MetadataText, ParseError, Parser, Sample};
pub use protobuf::{
    ConvertClassic, HistogramChoice, PendingExemplar, ProtobufEntry, ProtobufSample, ReadEnd, read_families,
};

#[cfg(test)]
mod tests;
