//! How incidents are written: labels and annotations as objects, fingerprints as 16 hex digits.

/// Labels as an object.
pub(crate) mod labels {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};
    use skopos_core::Labels;

    pub(crate) fn serialize<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(labels.iter())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
        let pairs = BTreeMap::<Cow<'de, str>, Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Labels::from_pairs(pairs))
    }
}

/// Annotations as an object.
pub(crate) mod annotations {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};
    use skopos_alertmanager::alert::Annotations;

    pub(crate) fn serialize<S: Serializer>(annotations: &Annotations, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(annotations.iter().map(|(name, value)| (name, value)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Annotations, D::Error> {
        let pairs = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

/// A fingerprint as 16 hex digits.
pub(crate) mod fingerprint {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(fingerprint: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{fingerprint:016x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map_err(D::Error::custom)
    }

    fn read(text: &str) -> Result<u64, String> {
        u64::from_str_radix(text, 16).map_err(|error| format!("{text:?} is no fingerprint of 16 hex digits: {error}"))
    }

    /// The same where there may be none.
    pub(crate) mod optional {
        use serde::de::Error as _;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[expect(clippy::ref_option, reason = "the signature is serde's")]
        pub(crate) fn serialize<S: Serializer>(fingerprint: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
            let text = fingerprint.map(|fingerprint| format!("{fingerprint:016x}"));
            text.serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| super::read(&text))
                .transpose()
                .map_err(D::Error::custom)
        }
    }
}
