//! Label sets and label names as JSON and in paths.

use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};
use skopos_core::Labels;

/// A label set as a JSON object, sorted by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LabelsJson<'a>(pub(crate) &'a Labels);

impl Serialize for LabelsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

/// Pairs as a JSON object, in their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairsJson<'a>(pub(crate) &'a [(String, String)]);

impl Serialize for PairsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Sorted pairs as a JSON object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapJson<'a>(pub(crate) &'a BTreeMap<String, String>);

impl Serialize for MapJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}
