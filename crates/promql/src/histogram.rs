//! What the language asks of native histograms beyond `skopos_core`'s arithmetic: quantiles,
//! fractions, trimming, text.

mod fraction;
mod text;
mod trim;

pub use skopos_core::histogram::{IncompatibleSchemas, add_histograms, detect_reset, subtract_histograms};
pub(crate) use skopos_core::histogram::{
    Operation, Totalled, all_buckets, combine, compacted, divided, equal, is_custom, is_gauge, mean_of, scaled, sum_of,
    to_schema,
};

pub(crate) use fraction::{fraction, quantile};
pub(crate) use text::to_text;
pub(crate) use trim::{Keep, trimmed};
