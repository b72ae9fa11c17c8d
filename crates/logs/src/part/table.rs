//! The streams of a part: labels, rows, times, sizes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, matcher};

/// A stream as the footer has it.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    labels: BTreeMap<String, String>,
    rows: u64,
    bytes: u64,
    min_ns: i64,
    max_ns: i64,
}

/// A stream of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableStream {
    /// Its labels.
    pub(crate) labels: Labels,
    /// Number of its first row in the part.
    pub(crate) first_row: u64,
    /// Number of its rows, which follow each other.
    pub(crate) rows: u64,
    /// Bytes of its lines.
    pub(crate) bytes: u64,
    /// Time of its first entry.
    pub(crate) min_ns: i64,
    /// Time of its last entry.
    pub(crate) max_ns: i64,
}

/// The streams of a part, in the order of their rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) streams: Vec<TableStream>,
}

impl Table {
    /// The table as text.
    pub(super) fn encode(&self) -> Result<String, serde_json::Error> {
        let stored = self.streams.iter().map(|stream| Stored {
            labels: stream
                .labels
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
            rows: stream.rows,
            bytes: stream.bytes,
            min_ns: stream.min_ns,
            max_ns: stream.max_ns,
        });
        serde_json::to_string(&stored.collect::<Vec<_>>())
    }

    /// Reads what [`Table::encode`] wrote.
    pub(super) fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let stored: Vec<Stored> = serde_json::from_str(text)?;
        let mut first_row = 0u64;
        let streams = stored.into_iter().map(|stream| {
            let found = TableStream {
                labels: Labels::from_pairs(&stream.labels),
                first_row,
                rows: stream.rows,
                bytes: stream.bytes,
                min_ns: stream.min_ns,
                max_ns: stream.max_ns,
            };
            first_row = first_row.saturating_add(stream.rows);
            found
        });
        Ok(Self {
            streams: streams.collect(),
        })
    }

    /// Streams that match and may have entries in the range.
    pub(crate) fn matching<'t>(
        &'t self,
        matchers: &'t [Matcher],
        range: TimeRangeNs,
    ) -> impl Iterator<Item = &'t TableStream> {
        self.streams.iter().filter(move |stream| {
            range.overlaps_closed(stream.min_ns, stream.max_ns) && matcher::all_match(matchers, &stream.labels)
        })
    }
}
