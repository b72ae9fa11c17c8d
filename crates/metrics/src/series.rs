//! One series of the head: closed chunks and the open chunk; what few series have stands apart.

mod read;

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::Exemplar;
use skopos_core::{Labels, TimeRange};

use crate::record::SeriesRef;
use crate::run::Start;
use crate::xor::XorEncoder;

/// Samples of a full chunk, as in Prometheus.
const CHUNK_SAMPLES: u32 = 120;

/// A closed chunk.
#[derive(Debug)]
struct Chunk {
    range: TimeRange,
    count: u32,
    bytes: Box<[u8]>,
}

/// A series of the head.
#[derive(Debug)]
pub(crate) struct MemSeries {
    pub(crate) labels: Labels,
    /// Epoch of the log in which the series was last defined.
    pub(crate) defined_epoch: u32,
    /// The series that came after it in a batch, last time: senders keep their order.
    pub(crate) next: SeriesRef,
    is_last_histogram: bool,
    open_since_ms: i64,
    open: XorEncoder,
    chunks: Vec<Chunk>,
    /// Samples up to here lie in parts, late ones aside.
    flushed_ms: i64,
    /// What `flushed_ms` becomes when the flush under way is committed.
    pending_ms: i64,
    last_ms: i64,
    last_value: f64,
    rare: Option<Box<Rare>>,
}

/// What few series have.
#[derive(Debug, Default)]
struct Rare {
    /// Samples that came out of order since the last flush.
    late: Vec<(i64, f64)>,
    /// Those of them that a flush is writing.
    late_pending: Vec<(i64, f64)>,
    histograms: Vec<(i64, Arc<FloatHistogram>)>,
    last_histogram: Option<Arc<FloatHistogram>>,
    last_exemplar: Option<Exemplar>,
    /// By the time of a sample: when the counting behind it and those after it began.
    starts: Vec<Start>,
}

impl Rare {
    /// Whether it has samples of its own.
    fn has_samples(&self) -> bool {
        !(self.late.is_empty() && self.late_pending.is_empty() && self.histograms.is_empty())
    }
}

/// What becomes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Accept,
    /// It is the last one again: nothing to do, and no error.
    Repeated,
    /// Another value for the same time.
    Duplicate,
    /// Older than the newest, beyond the window.
    OutOfOrder,
    /// Too far ahead of the clock.
    Ahead,
}

impl MemSeries {
    /// A series without samples.
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            defined_epoch: 0,
            next: SeriesRef::MAX,
            is_last_histogram: false,
            open_since_ms: 0,
            open: XorEncoder::default(),
            chunks: Vec::new(),
            flushed_ms: i64::MIN,
            pending_ms: i64::MIN,
            last_ms: i64::MIN,
            last_value: 0.0,
            rare: None,
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The exemplar that was appended last.
    pub(crate) fn last_exemplar(&self) -> Option<&Exemplar> {
        self.rare.as_ref()?.last_exemplar.as_ref()
    }

    /// Notes the exemplar that was appended last.
    pub(crate) fn set_last_exemplar(&mut self, exemplar: Exemplar) {
        self.rare().last_exemplar = Some(exemplar);
    }

    /// When the counting behind the newest samples began; 0 where unknown.
    pub(crate) fn start_ms(&self) -> i64 {
        let starts = self.rare.as_ref().and_then(|rare| rare.starts.last());
        starts.map_or(0, |start| start.start_ms)
    }

    /// From the sample at `start.timestamp_ms` on, counting began at another time.
    pub(crate) fn append_start(&mut self, start: Start) {
        self.rare().starts.push(start);
    }

    /// Whether a float may be appended.
    pub(crate) fn check_float(&self, timestamp_ms: i64, value: f64, out_of_order_window_ms: i64) -> Verdict {
        if timestamp_ms > self.last_ms {
            return Verdict::Accept;
        }
        if timestamp_ms == self.last_ms {
            let is_same = !self.is_last_histogram && self.last_value.to_bits() == value.to_bits();
            return if is_same { Verdict::Repeated } else { Verdict::Duplicate };
        }
        let within = timestamp_ms > self.last_ms.saturating_sub(out_of_order_window_ms);
        if out_of_order_window_ms > 0 && within {
            return Verdict::Accept;
        }
        Verdict::OutOfOrder
    }

    /// Whether a histogram may be appended.
    pub(crate) fn check_histogram(&self, timestamp_ms: i64, histogram: &FloatHistogram) -> Verdict {
        if timestamp_ms > self.last_ms {
            return Verdict::Accept;
        }
        if timestamp_ms < self.last_ms {
            return Verdict::OutOfOrder;
        }
        let last = self.rare.as_ref().and_then(|rare| rare.last_histogram.as_deref());
        if self.is_last_histogram && last == Some(histogram) {
            Verdict::Repeated
        } else {
            Verdict::Duplicate
        }
    }

    /// Appends an accepted float. One that is older than the last sample is kept as late.
    pub(crate) fn append_float(&mut self, timestamp_ms: i64, value: f64) {
        if timestamp_ms <= self.last_ms {
            return self.insert_late(timestamp_ms, value);
        }
        self.push_float(timestamp_ms, value);
        self.last_ms = timestamp_ms;
        self.last_value = value;
        self.is_last_histogram = false;
    }

    fn push_float(&mut self, timestamp_ms: i64, value: f64) {
        if self.open.count() == 0 {
            self.open_since_ms = timestamp_ms;
        }
        self.open.append(timestamp_ms, value);
        if self.open.count() >= CHUNK_SAMPLES {
            self.close_chunk(timestamp_ms);
        }
    }

    fn close_chunk(&mut self, last_ms: i64) {
        self.chunks.reserve_exact(1);
        self.chunks.push(Chunk {
            range: TimeRange::new(self.open_since_ms, last_ms),
            count: self.open.count(),
            bytes: self.open.take(),
        });
    }

    fn insert_late(&mut self, timestamp_ms: i64, value: f64) {
        let late = &mut self.rare().late;
        match late.binary_search_by_key(&timestamp_ms, |sample| sample.0) {
            Ok(index) => late[index].1 = value,
            Err(index) => late.insert(index, (timestamp_ms, value)),
        }
    }

    /// Appends an accepted histogram.
    pub(crate) fn append_histogram(&mut self, timestamp_ms: i64, histogram: Arc<FloatHistogram>) {
        let is_newest = timestamp_ms > self.last_ms;
        let rare = self.rare();
        rare.histograms.push((timestamp_ms, Arc::clone(&histogram)));
        if is_newest {
            rare.last_histogram = Some(histogram);
            self.last_ms = timestamp_ms;
            self.is_last_histogram = true;
        }
    }

    /// What a flush took lies in parts now.
    pub(crate) fn note_flushed(&mut self) {
        self.flushed_ms = self.pending_ms;
        if let Some(rare) = &mut self.rare {
            rare.late_pending = Vec::new();
        }
    }

    /// Forgets what lies in parts up to `timestamp_ms`, in whole chunks. Returns whether nothing
    /// is left.
    pub(crate) fn forget(&mut self, timestamp_ms: i64) -> bool {
        let until_ms = timestamp_ms.min(self.flushed_ms);
        let before = self.chunks.len();
        self.chunks.retain(|chunk| chunk.range.end_ms > until_ms);
        if self.chunks.len() < before {
            self.chunks.shrink_to_fit();
        }
        if self.last_ms <= until_ms {
            self.open = XorEncoder::default();
        }
        if let Some(rare) = &mut self.rare {
            rare.histograms.retain(|sample| sample.0 > until_ms);
            let past = rare.starts.partition_point(|start| start.timestamp_ms <= until_ms);
            rare.starts.drain(..past.saturating_sub(1));
        }
        self.len() == 0
    }

    /// Deletes the samples in the range; gives how many.
    pub(crate) fn delete(&mut self, range: TimeRange) -> u64 {
        let before = self.len();
        if !self.overlaps(range) {
            return 0;
        }
        let (times, values) = self.chunk_samples();
        self.chunks = Vec::new();
        self.open = XorEncoder::default();
        for (time, value) in times.into_iter().zip(values) {
            if !range.contains(time) {
                self.push_float(time, value);
            }
        }
        if let Some(rare) = &mut self.rare {
            rare.late.retain(|sample| !range.contains(sample.0));
            rare.late_pending.retain(|sample| !range.contains(sample.0));
            rare.histograms.retain(|sample| !range.contains(sample.0));
        }
        (before - self.len()) as u64
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        let closed: usize = self.chunks.iter().map(|chunk| chunk.count as usize).sum();
        let rare = self.rare.as_ref().map_or(0, |rare| {
            rare.late.len() + rare.late_pending.len() + rare.histograms.len()
        });
        closed + self.open.count() as usize + rare
    }

    /// Number of chunks, the open one too.
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len() + usize::from(self.open.count() > 0)
    }

    /// Bytes of samples and labels.
    pub(crate) fn size_bytes(&self) -> usize {
        let closed: usize = self
            .chunks
            .iter()
            .map(|chunk| chunk.bytes.len() + size_of::<Chunk>())
            .sum();
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let per_late = size_of::<(i64, f64)>();
            size_of::<Rare>() + rare.late.len() * per_late + rare.histograms.len() * size_of::<FloatHistogram>()
        });
        size_of::<Self>() + self.labels.size_bytes() + closed + self.open.capacity() + rare
    }
}
