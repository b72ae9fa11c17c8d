//! The head of one tenant: recent entries in memory, by stream.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::limits::Limits;
use skopos_core::log::{LogBatch, LogEntry};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, matcher};
use xxhash_rust::xxh3::Xxh3;

use crate::block::Block;
use crate::index::Postings;
use crate::{check, telemetry};

/// The recent data of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    numbers: HashMap<Labels, u32>,
    streams: Vec<Stream>,
    postings: Postings,
    plain_bytes: u64,
    entries: u64,
}

/// The recent entries of one stream. Blocks follow each other in the order of arrival.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) labels: Labels,
    full: Vec<Arc<Block>>,
    /// Shared with readers, who keep what they saw: it is copied before it changes.
    open: Arc<Block>,
    last: Option<u128>,
}

impl Stream {
    fn new(labels: Labels) -> Self {
        Self {
            labels,
            full: Vec::new(),
            open: Arc::default(),
            last: None,
        }
    }

    fn push(&mut self, entry: &LogEntry) {
        let open = Arc::make_mut(&mut self.open);
        open.push(entry);
        if open.is_full() {
            open.compress();
            self.full.push(std::mem::take(&mut self.open));
        }
        self.last = Some(identity(entry));
    }

    /// The blocks, oldest arrivals first.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.full
            .iter()
            .chain(std::iter::once(&self.open))
            .filter(|block| block.len() > 0)
    }

    fn has_entries(&self) -> bool {
        self.blocks().next().is_some()
    }
}

impl Head {
    /// Keeps of a batch what may be stored; the report counts the rest. An entry equal to the one
    /// before it in its stream is already stored, and is not stored again.
    pub(crate) fn check(&self, tenant: &str, batch: LogBatch, limits: &Limits, report: &mut AppendReport) -> LogBatch {
        let mut streams = Vec::with_capacity(batch.streams.len());
        let mut new_streams = 0;
        for mut stream in batch.streams {
            let is_new = !self.numbers.contains_key(&stream.labels);
            let refused = check::stream(&stream.labels, limits).or_else(|| {
                let known = self.streams.len() + new_streams;
                is_new
                    .then(|| check::new_stream(&stream.labels, known, tenant, limits))
                    .flatten()
            });
            if let Some(refused) = refused {
                check::refuse_stream(&stream, &refused, report);
                continue;
            }
            new_streams += usize::from(is_new);
            let labels = stream.labels.clone();
            let mut last = self.stream(&labels).and_then(|known| known.last);
            stream.entries.retain(|entry| {
                if let Some((reason, text)) = check::entry(&labels, entry, limits) {
                    report.refuse(reason, || text);
                    return false;
                }
                report.stored += 1;
                let identity = Some(identity(entry));
                let is_repeated = last == identity;
                telemetry::DUPLICATES.inc_by(u64::from(is_repeated));
                last = identity;
                !is_repeated
            });
            if !stream.entries.is_empty() {
                streams.push(stream);
            }
        }
        LogBatch { streams }
    }

    fn stream(&self, labels: &Labels) -> Option<&Stream> {
        self.streams.get(*self.numbers.get(labels)? as usize)
    }

    fn stream_mut(&mut self, labels: &Labels) -> &mut Stream {
        let number = match self.numbers.get(labels) {
            Some(number) => *number,
            None => self.add_stream(Stream::new(labels.clone())),
        };
        &mut self.streams[number as usize]
    }

    fn add_stream(&mut self, stream: Stream) -> u32 {
        let number = self.streams.len() as u32;
        self.postings.add(number, &stream.labels);
        self.numbers.insert(stream.labels.clone(), number);
        self.streams.push(stream);
        number
    }

    /// Adds what [`Head::check`] kept, or what the log says.
    pub(crate) fn apply(&mut self, batch: LogBatch) {
        for stream in batch.streams {
            let (mut bytes, count) = (0, stream.entries.len() as u64);
            let known = self.stream_mut(&stream.labels);
            for entry in &stream.entries {
                bytes += entry.size_bytes();
                known.push(entry);
            }
            self.plain_bytes += bytes;
            self.entries += count;
        }
    }

    /// A head for what comes next: it knows the streams that had entries, so that repeated ones
    /// are still recognised, and forgets the idle ones.
    pub(crate) fn successor(&self) -> Self {
        let mut next = Self::default();
        for stream in self.streams.iter().filter(|stream| stream.has_entries()) {
            next.add_stream(Stream {
                last: stream.last,
                ..Stream::new(stream.labels.clone())
            });
        }
        next
    }

    /// Streams that match and have entries in the range.
    pub(crate) fn matching(&self, matchers: &[Matcher], range: TimeRangeNs) -> Vec<&Stream> {
        let fits = |stream: &&Stream| {
            stream.blocks().any(|block| block.overlaps(range)) && matcher::all_match(matchers, &stream.labels)
        };
        match self.postings.candidates(matchers) {
            Some(numbers) => {
                let streams = numbers.into_iter().map(|number| &self.streams[number as usize]);
                streams.filter(fits).collect()
            }
            None => self.streams.iter().filter(fits).collect(),
        }
    }

    /// All streams that have entries.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.has_entries())
    }

    /// Number of active streams.
    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// Bytes of lines and metadata before compression.
    pub(crate) fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// Bytes of the blocks as they lie in memory.
    pub(crate) fn size_bytes(&self) -> u64 {
        let blocks = self.streams.iter().flat_map(Stream::blocks);
        blocks.map(|block| block.size_bytes() as u64).sum()
    }

    /// First and last time, in nanoseconds.
    pub(crate) fn bounds_ns(&self) -> Option<(i64, i64)> {
        let bounds = self
            .streams
            .iter()
            .flat_map(Stream::blocks)
            .filter_map(|block| block.bounds_ns());
        bounds.reduce(|(first, last), (min, max)| (first.min(min), last.max(max)))
    }
}

/// What makes two entries the same, as 128 bits.
fn identity(entry: &LogEntry) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(&entry.timestamp_ns.to_le_bytes());
    hasher.update(&(entry.line.len() as u64).to_le_bytes());
    hasher.update(entry.line.as_bytes());
    hasher.update(entry.structured_metadata.encoded().as_bytes());
    hasher.digest128()
}
