//! The JSON form of a push: `{"streams":[{"stream":{…},"values":[["<ns>","line",{…}]]}]}`.
//! `null` lists and items are skipped, unknown keys ignored; label values that are no strings are
//! kept as their JSON text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use skopos_core::Labels;
use skopos_core::log::LogEntry;

use super::{PushError, SentLabels, Stream};

#[derive(Deserialize)]
struct JsonPush {
    #[serde(default)]
    streams: Option<Vec<Option<JsonStream>>>,
}

#[derive(Deserialize)]
struct JsonStream {
    #[serde(default)]
    stream: Option<JsonLabels>,
    #[serde(default)]
    values: Option<Vec<Option<JsonEntry>>>,
}

/// Label pairs, duplicates kept.
struct JsonLabels(Vec<(String, String)>);

struct JsonEntry(LogEntry);

pub(super) fn decode(body: &[u8]) -> Result<Vec<Stream>, PushError> {
    let push: JsonPush = serde_json::from_slice(body).map_err(|error| PushError::Json {
        reason: error.to_string(),
    })?;
    let streams = push.streams.unwrap_or_default().into_iter().flatten();
    Ok(streams.map(stream).collect())
}

fn stream(sent: JsonStream) -> Stream {
    let entries = sent.values.unwrap_or_default().into_iter().flatten();
    Stream {
        labels: SentLabels::Pairs(sent.stream.map(|labels| labels.0).unwrap_or_default()),
        entries: entries.map(|entry| entry.0).collect(),
    }
}

impl<'de> Deserialize<'de> for JsonLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = JsonLabels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of label names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonLabels, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    pairs.push((name, label_value(value)?));
                }
                Ok(JsonLabels(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

fn label_value<E: Error>(raw: &RawValue) -> Result<String, E> {
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map_err(E::custom);
    }
    Ok(raw.get().to_owned())
}

/// Metadata must be an object of strings; a list or number there is an error.
#[derive(Deserialize)]
struct Metadata<'a>(#[serde(borrow, deserialize_with = "string_pairs")] Vec<(Cow<'a, str>, String)>);

fn string_pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Cow<'de, str>, String)>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(Cow<'de, str>, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with string values as structured metadata")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, String>()? {
                pairs.push((Cow::Owned(name), value));
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs)
}

impl<'de> Deserialize<'de> for JsonEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;

        impl<'de> Visitor<'de> for Parts {
            type Value = JsonEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry [\"<nanoseconds>\", \"<line>\", {structured metadata}]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<JsonEntry, A::Error> {
                let missing = |index, what: &'static str| Error::invalid_length(index, &what);
                let time: String = parts
                    .next_element()?
                    .ok_or_else(|| missing(0, "a timestamp and a line"))?;
                let line: String = parts
                    .next_element()?
                    .ok_or_else(|| missing(1, "a timestamp and a line"))?;
                let metadata: Option<Metadata<'de>> = parts.next_element()?;
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                Ok(JsonEntry(LogEntry {
                    timestamp_ns: nanoseconds(&time)?,
                    line,
                    structured_metadata: Labels::from_pairs(metadata.map(|pairs| pairs.0).unwrap_or_default()),
                }))
            }
        }

        deserializer.deserialize_seq(Parts)
    }
}

fn nanoseconds<E: Error>(text: &str) -> Result<i64, E> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        E::custom(format_args!(
            "timestamp {shown:?} is not a number of nanoseconds since the Unix epoch"
        ))
    })
}
