//! Logs: streams, entries, and the traits between engines and stores.

use std::fmt;
use std::ops::ControlFlow;

use crate::metric::AppendReport;
use crate::time::TimeRangeNs;
use crate::{Labels, Matcher, QueryBudget, ReadError, WriteError};

/// One log line of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Nanoseconds since the Unix epoch.
    pub timestamp_ns: i64,
    /// The line, without its line end.
    pub line: String,
    /// Pairs that belong to the entry but not to the stream, such as `trace_id`.
    pub structured_metadata: Labels,
}

impl LogEntry {
    /// Bytes of the line and its structured metadata.
    pub fn size_bytes(&self) -> u64 {
        (self.line.len() + self.structured_metadata.encoded().len()) as u64
    }
}

/// Entries of one stream on their way into a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamBatch {
    /// The stream.
    pub labels: Labels,
    /// Its entries.
    pub entries: Vec<LogEntry>,
}

/// One transaction of log entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogBatch {
    /// Entries by stream.
    pub streams: Vec<StreamBatch>,
}

/// Takes log entries in. When `append` returns, what the report calls stored is in the
/// write-ahead log and survives `kill -9`.
pub trait LogSink: Send + Sync + fmt::Debug {
    /// Appends a batch. Entries refused one by one are in the report; an error refuses all.
    fn append(&self, batch: LogBatch) -> Result<AppendReport, WriteError>;
}

/// In which order entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// What to read.
#[derive(Debug, Clone)]
pub struct LogSelection<'a> {
    /// All must match the stream's labels.
    pub matchers: &'a [Matcher],
    /// Times of entries: start included, end excluded.
    pub range: TimeRangeNs,
    /// Order of the entries over all streams.
    pub direction: Direction,
    /// Texts that every wanted line contains: a store may skip data that cannot contain them, and
    /// may still give lines without them.
    pub line_contains: &'a [String],
    /// Pairs that every wanted entry has, in its stream's labels or in its structured metadata: a
    /// store may skip data that cannot have them, and may still give entries without them.
    pub has_labels: &'a [(String, String)],
}

/// Gives log entries out, of one tenant.
pub trait LogSource: Send + Sync + fmt::Debug {
    /// Calls `visit` for each matching entry in time order over all streams until it breaks.
    fn scan(
        &self,
        selection: &LogSelection<'_>,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;

    /// Label sets of the streams that match and have entries in the range, sorted.
    fn series(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<Labels>, ReadError>;

    /// Names of the labels of such streams, sorted.
    fn label_names(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError>;

    /// Values of one label of such streams, sorted.
    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError>;

    /// Streams, chunks (head chunks and parts), entries and bytes that match.
    fn stats(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<LogStats, ReadError>;
}

/// Size of a selection (`/loki/api/v1/index/stats`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Streams.
    pub streams: u64,
    /// Head chunks and parts.
    pub chunks: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of lines.
    pub bytes: u64,
}
