//! A letter as it lies on its topic, what names it, and the topic's summary.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Settled;
use crate::DeadLetter;

/// Where a letter lies. Written `TOPIC/PARTITION/OFFSET`, such as `conversation.inbound.dlq/0/17`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId {
    /// Dead-letter topic.
    pub topic: String,
    /// Partition of it.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// A text that names no letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no dead letter\nwrite TOPIC/PARTITION/OFFSET, such as conversation.inbound.dlq/0/17")]
pub struct ParseIdError(String);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let refuse = || ParseIdError(text.to_owned());
        let (rest, offset) = text.rsplit_once('/').ok_or_else(refuse)?;
        let (topic, partition) = rest.rsplit_once('/').ok_or_else(refuse)?;
        let id = Self {
            topic: topic.to_owned(),
            partition: partition.parse().map_err(|_| refuse())?,
            offset: offset.parse().map_err(|_| refuse())?,
        };
        if id.topic.is_empty() || id.partition < 0 || id.offset < 0 {
            return Err(refuse());
        }
        Ok(id)
    }
}

impl Serialize for LetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LetterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A letter on its topic.
#[derive(Debug, Clone, Serialize)]
pub struct Letter {
    /// Where it lies.
    pub id: LetterId,
    /// Key of the event, which decides its partition.
    pub key: String,
    /// Headers of the record that are text; they carry the trace in which it was given up.
    pub headers: HashMap<String, String>,
    /// What was handed over.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// How it was dealt with; none while it waits.
    pub settled: Option<Settled>,
}

/// A dead-letter topic at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Its name.
    pub topic: String,
    /// Topic whose events lie here.
    pub source_topic: String,
    /// Letters that wait.
    pub waiting: u64,
    /// Letters that were replayed or discarded and are still kept.
    pub settled: u64,
    /// When the oldest waiting letter was given up, RFC 3339.
    pub oldest: Option<String>,
    /// Whether older letters than the newest 10 000 of a partition were left out of the counts.
    pub is_truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id: LetterId = "a.b.dlq/3/17".parse().expect("an id");
        assert_eq!((id.topic.as_str(), id.partition, id.offset), ("a.b.dlq", 3, 17));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "a.dlq", "a.dlq/1", "/1/2", "a.dlq/-1/2", "a.dlq/1/x"] {
            assert!(bad.parse::<LetterId>().is_err(), "{bad}");
        }
    }
}
