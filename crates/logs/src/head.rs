//! The head of one tenant: recent entries in memory, by stream.

use std::collections::BTreeMap;

use skopos_core::limits::Limits;
use skopos_core::log::{LogBatch, LogEntry, LogSelection, StreamBatch};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, matcher};

/// The recent data of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    streams: BTreeMap<Labels, Stream>,
    bytes: u64,
    entries: u64,
}

/// Entries of one stream, sorted by time; entries of one time keep the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    entries: Vec<LogEntry>,
}

impl Stream {
    /// Entries in the range.
    pub(crate) fn range(&self, range: TimeRangeNs) -> &[LogEntry] {
        let start = self
            .entries
            .partition_point(|entry| entry.timestamp_ns < range.start_ns);
        let end = self.entries.partition_point(|entry| entry.timestamp_ns < range.end_ns);
        self.entries.get(start..end).unwrap_or_default()
    }

    fn insert(&mut self, entry: LogEntry) {
        let at = self
            .entries
            .partition_point(|other| other.timestamp_ns <= entry.timestamp_ns);
        self.entries.insert(at, entry);
    }
}

impl Head {
    /// Keeps of a batch what may be stored; the report counts the rest. Loki's texts.
    pub(crate) fn check(&self, batch: LogBatch, limits: &Limits, report: &mut AppendReport) -> LogBatch {
        let mut streams = Vec::with_capacity(batch.streams.len());
        let mut new_streams = 0;
        for mut stream in batch.streams {
            if !self.streams.contains_key(&stream.labels) {
                new_streams += 1;
                if self.is_over_stream_limit(new_streams, limits) {
                    refuse_stream(&stream, limits, report);
                    continue;
                }
            }
            self.check_entries(&mut stream, limits, report);
            if !stream.entries.is_empty() {
                streams.push(stream);
            }
        }
        LogBatch { streams }
    }

    fn is_over_stream_limit(&self, new_streams: usize, limits: &Limits) -> bool {
        let most = limits.max_global_streams_per_user;
        most > 0 && self.streams.len() + new_streams > most
    }

    fn check_entries(&self, stream: &mut StreamBatch, limits: &Limits, report: &mut AppendReport) {
        let last = self.streams.get(&stream.labels).and_then(|known| known.entries.last());
        let mut previous = last.cloned();
        let labels = &stream.labels;
        stream.entries.retain(|entry| {
            if limits.max_line_size > 0 && entry.line.len() > limits.max_line_size {
                report.refuse("line_too_long", || {
                    format!(
                        "max entry size '{}' bytes exceeded for stream '{labels}' while adding an entry with length '{}' bytes",
                        limits.max_line_size,
                        entry.line.len()
                    )
                });
                return false;
            }
            report.stored += 1;
            let is_repeated = previous.as_ref() == Some(entry);
            previous = Some(entry.clone());
            !is_repeated
        });
    }

    /// Adds what [`Head::check`] kept, or what the log says.
    pub(crate) fn apply(&mut self, batch: LogBatch) {
        for stream in batch.streams {
            let known = self.streams.entry(stream.labels).or_default();
            for entry in stream.entries {
                self.bytes += size_bytes(&entry);
                self.entries += 1;
                known.insert(entry);
            }
        }
    }

    /// Streams that match.
    pub(crate) fn matching<'a>(&'a self, matchers: &'a [Matcher]) -> impl Iterator<Item = (&'a Labels, &'a Stream)> {
        self.streams
            .iter()
            .filter(|(labels, _)| matcher::all_match(matchers, labels))
    }

    /// Copies the entries that a scan wants, by stream.
    pub(crate) fn select(&self, selection: &LogSelection<'_>) -> Vec<(Labels, Vec<LogEntry>)> {
        let wanted = |entry: &&LogEntry| {
            selection
                .line_contains
                .iter()
                .all(|text| entry.line.contains(text.as_str()))
        };
        let streams = self.matching(selection.matchers).map(|(labels, stream)| {
            (
                labels.clone(),
                stream.range(selection.range).iter().filter(wanted).cloned().collect(),
            )
        });
        streams
            .filter(|(_, entries): &(Labels, Vec<LogEntry>)| !entries.is_empty())
            .collect()
    }

    /// Everything, for a flush.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (&Labels, &[LogEntry])> {
        self.streams
            .iter()
            .map(|(labels, stream)| (labels, stream.entries.as_slice()))
    }

    /// Everything as a batch.
    pub(crate) fn to_batch(&self) -> LogBatch {
        let streams = self.streams.iter().map(|(labels, stream)| StreamBatch {
            labels: labels.clone(),
            entries: stream.entries.clone(),
        });
        LogBatch {
            streams: streams.collect(),
        }
    }

    /// Number of streams.
    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// Bytes of lines and metadata.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.bytes
    }

    /// First and last time, in nanoseconds.
    pub(crate) fn bounds_ns(&self) -> Option<(i64, i64)> {
        let first = self
            .streams
            .values()
            .filter_map(|stream| stream.entries.first())
            .map(|entry| entry.timestamp_ns)
            .min()?;
        let last = self
            .streams
            .values()
            .filter_map(|stream| stream.entries.last())
            .map(|entry| entry.timestamp_ns)
            .max()?;
        Some((first, last))
    }
}

/// Bytes that an entry takes in memory.
pub(crate) fn size_bytes(entry: &LogEntry) -> u64 {
    (size_of::<LogEntry>() + entry.line.len() + entry.structured_metadata.size_bytes()) as u64
}

fn refuse_stream(stream: &StreamBatch, limits: &Limits, report: &mut AppendReport) {
    for _ in &stream.entries {
        report.refuse("stream_limit", || {
            format!(
                "maximum active stream limit exceeded when trying to create stream {} (limit: {}), reduce the number of active streams \
                 (reduce labels or reduce label values), or contact your administrator to see if the limit can be increased",
                stream.labels, limits.max_global_streams_per_user
            )
        });
    }
}
