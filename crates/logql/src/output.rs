//! Answers of queries, with all that Loki's JSON shows.

use hashbrown::HashMap;

use crate::LabelSet;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQueryOutput {
    /// The values.
    pub value: QueryValue,
    /// What the query cost.
    pub stats: QueryStats,
    /// What the caller should know besides.
    pub warnings: Vec<String>,
}

/// The values of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    /// Lines.
    Streams(StreamsResult),
    /// Series over a range, sorted by labels.
    Matrix(Vec<MatrixSeries>),
    /// One value per series, sorted by labels unless the query sorts.
    Vector(Vec<VectorSample>),
    /// A number.
    Scalar {
        /// When, in nanoseconds.
        timestamp_ns: i64,
        /// The number.
        value: f64,
    },
}

/// Lines in the order asked for, over all streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamsResult {
    /// The lines.
    pub entries: Vec<ResultEntry>,
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultEntry {
    /// Labels of the stream, as the pipeline left them.
    pub stream: LabelSet,
    /// Nanoseconds since the Unix epoch.
    pub timestamp_ns: i64,
    /// The line, as the pipeline left it.
    pub line: String,
    /// Pairs of the entry itself.
    pub structured_metadata: LabelSet,
    /// Labels that stages made, errors included.
    pub parsed: LabelSet,
}

impl ResultEntry {
    /// The labels of all three kinds in one set.
    pub fn all_labels(&self) -> LabelSet {
        if self.structured_metadata.is_empty() && self.parsed.is_empty() {
            return self.stream.clone();
        }
        let kinds = [&self.stream, &self.structured_metadata, &self.parsed];
        let pairs = kinds.into_iter().flat_map(LabelSet::iter);
        LabelSet::from_pairs(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
    }
}

/// How labels of entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// All labels make the stream.
    Merged,
    /// The stream has its own labels; each entry carries metadata and parsed labels
    /// (`X-Loki-Response-Encoding-Flags: categorize-labels`).
    Categorized,
}

/// Entries that are shown as one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamGroup<'a> {
    /// The stream's labels.
    pub labels: LabelSet,
    /// Its entries, in order.
    pub entries: Vec<&'a ResultEntry>,
}

impl StreamsResult {
    /// The entries by stream, in the order in which streams appear.
    pub fn by_stream(&self, encoding: Encoding) -> Vec<StreamGroup<'_>> {
        let mut groups: Vec<StreamGroup<'_>> = Vec::new();
        let mut index: HashMap<LabelSet, usize> = HashMap::new();
        for entry in &self.entries {
            let labels = match encoding {
                Encoding::Merged => entry.all_labels(),
                Encoding::Categorized => entry.stream.clone(),
            };
            let at = *index.entry(labels).or_insert_with_key(|labels| {
                groups.push(StreamGroup {
                    labels: labels.clone(),
                    entries: Vec::new(),
                });
                groups.len() - 1
            });
            groups[at].entries.push(entry);
        }
        groups
    }
}

/// A series over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// Its labels.
    pub labels: LabelSet,
    /// Times in nanoseconds and values.
    pub points: Vec<(i64, f64)>,
}

/// A value of a series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The series.
    pub labels: LabelSet,
    /// When, in nanoseconds.
    pub timestamp_ns: i64,
    /// The value.
    pub value: f64,
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Wall time in nanoseconds.
    pub exec_time_ns: u64,
    /// Lines read.
    pub total_lines_processed: u64,
    /// Bytes of those lines and their metadata.
    pub total_bytes_processed: u64,
    /// Lines that passed the pipeline.
    pub total_post_filter_lines: u64,
    /// Lines or points in the answer.
    pub total_entries_returned: u64,
}
