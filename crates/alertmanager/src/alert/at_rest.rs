//! An alert at rest: written from where it stands, without a copy.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use skopos_core::Labels;

use super::{Alert, fingerprint};

/// The fields that are stored; the fingerprint follows from the labels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AtRest<'a> {
    /// Sorted by name.
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Sorted by name.
    annotations: Cow<'a, [(String, String)]>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    updated_at_ms: i64,
    #[serde(default)]
    is_timeout: bool,
    #[serde(default)]
    generator_url: Cow<'a, str>,
}

impl Serialize for Alert {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.labels.iter();
        AtRest {
            labels: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
            annotations: Cow::Borrowed(&self.annotations),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms: self.ends_at_ms,
            updated_at_ms: self.updated_at_ms,
            is_timeout: self.is_timeout,
            generator_url: Cow::Borrowed(&self.generator_url),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Alert {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = AtRest::deserialize(deserializer)?;
        let labels = Labels::from_pairs(stored.labels);
        Ok(Self {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: stored.annotations.into_owned().into(),
            starts_at_ms: stored.starts_at_ms,
            ends_at_ms: stored.ends_at_ms,
            updated_at_ms: stored.updated_at_ms,
            is_timeout: stored.is_timeout,
            generator_url: Arc::from(&*stored.generator_url),
        })
    }
}
