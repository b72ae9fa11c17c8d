//! One series of the head: closed chunks, the open chunk, late samples, histograms.

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, MetricValue, Series};
use skopos_core::{Labels, TimeRange};

use crate::xor::{self, XorEncoder};

/// Samples of a full chunk, as in Prometheus.
const CHUNK_SAMPLES: u32 = 120;

/// A closed chunk.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) range: TimeRange,
    pub(crate) count: u32,
    pub(crate) bytes: Arc<[u8]>,
}

/// A series of the head.
#[derive(Debug)]
pub(crate) struct MemSeries {
    pub(crate) labels: Labels,
    /// Epoch of the log in which the series was last defined.
    pub(crate) defined_epoch: u64,
    chunks: Vec<Chunk>,
    open: XorEncoder,
    open_since_ms: i64,
    /// Samples that came out of order since the last flush.
    late: Vec<(i64, f64)>,
    /// Those of them that a flush is writing.
    late_pending: Vec<(i64, f64)>,
    /// Samples up to here lie in parts, late ones aside.
    flushed_ms: i64,
    /// What `flushed_ms` becomes when the flush under way is committed.
    pending_ms: i64,
    histograms: Vec<(i64, Arc<FloatHistogram>)>,
    last_ms: i64,
    last_value: Option<MetricValue>,
    /// Boxed, since few series have exemplars.
    last_exemplar: Option<Box<Exemplar>>,
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
}

impl MemSeries {
    /// A series without samples.
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            defined_epoch: 0,
            chunks: Vec::new(),
            open: XorEncoder::default(),
            open_since_ms: 0,
            late: Vec::new(),
            late_pending: Vec::new(),
            flushed_ms: i64::MIN,
            pending_ms: i64::MIN,
            histograms: Vec::new(),
            last_ms: i64::MIN,
            last_value: None,
            last_exemplar: None,
        }
    }

    /// The exemplar that was appended last.
    pub(crate) fn last_exemplar(&self) -> Option<&Exemplar> {
        self.last_exemplar.as_deref()
    }

    /// Notes the exemplar that was appended last.
    pub(crate) fn set_last_exemplar(&mut self, exemplar: Exemplar) {
        self.last_exemplar = Some(Box::new(exemplar));
    }

    /// Whether a sample may be appended.
    pub(crate) fn check(&self, timestamp_ms: i64, value: &MetricValue, out_of_order_window_ms: i64) -> Verdict {
        if timestamp_ms > self.last_ms {
            return Verdict::Accept;
        }
        if timestamp_ms == self.last_ms {
            let same = self.last_value.as_ref().is_none_or(|last| is_same(last, value));
            return if same { Verdict::Repeated } else { Verdict::Duplicate };
        }
        let within = timestamp_ms > self.last_ms.saturating_sub(out_of_order_window_ms);
        if out_of_order_window_ms > 0 && within && matches!(value, MetricValue::Float(_)) {
            return Verdict::Accept;
        }
        Verdict::OutOfOrder
    }

    /// Appends an accepted sample.
    pub(crate) fn append(&mut self, timestamp_ms: i64, value: MetricValue) {
        match &value {
            MetricValue::Float(value) if timestamp_ms < self.last_ms => return self.insert_late(timestamp_ms, *value),
            MetricValue::Float(value) => self.append_float(timestamp_ms, *value),
            MetricValue::Histogram(histogram) => self.histograms.push((timestamp_ms, Arc::clone(histogram))),
        }
        self.last_ms = timestamp_ms;
        self.last_value = Some(value);
    }

    fn append_float(&mut self, timestamp_ms: i64, value: f64) {
        if self.open.count() == 0 {
            self.open_since_ms = timestamp_ms;
        }
        self.open.append(timestamp_ms, value);
        if self.open.count() >= CHUNK_SAMPLES {
            self.close_chunk(timestamp_ms);
        }
    }

    fn close_chunk(&mut self, last_ms: i64) {
        let open = std::mem::take(&mut self.open);
        self.chunks.push(Chunk {
            range: TimeRange::new(self.open_since_ms, last_ms),
            count: open.count(),
            bytes: Arc::from(open.bytes()),
        });
    }

    fn insert_late(&mut self, timestamp_ms: i64, value: f64) {
        match self.late.binary_search_by_key(&timestamp_ms, |sample| sample.0) {
            Ok(index) => self.late[index].1 = value,
            Err(index) => self.late.insert(index, (timestamp_ms, value)),
        }
    }

    /// Samples in the range, sorted, one of each time.
    pub(crate) fn read(&self, range: TimeRange) -> Series {
        let mut out = Series {
            labels: self.labels.clone(),
            ..Series::default()
        };
        for chunk in self.chunks.iter().filter(|chunk| chunk.range.overlaps(&range)) {
            decode_into(&chunk.bytes, chunk.count, &mut out);
        }
        if self.open.count() > 0 && self.open_since_ms <= range.end_ms {
            decode_into(self.open.bytes(), self.open.count(), &mut out);
        }
        for (timestamp_ms, value) in self.late.iter().chain(&self.late_pending) {
            out.timestamps_ms.push(*timestamp_ms);
            out.values.push(*value);
        }
        for (timestamp_ms, histogram) in &self.histograms {
            out.histogram_timestamps_ms.push(*timestamp_ms);
            out.histograms.push(Arc::clone(histogram));
        }
        normalise(&mut out, range);
        out
    }

    /// Whether it has samples in the range, as far as chunks tell.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.chunks.iter().any(|chunk| chunk.range.overlaps(&range))
            || (self.open.count() > 0 && range.overlaps(&TimeRange::new(self.open_since_ms, self.last_ms)))
            || self
                .late
                .iter()
                .chain(&self.late_pending)
                .any(|sample| range.contains(sample.0))
            || self
                .histograms
                .iter()
                .any(|(timestamp_ms, _)| range.contains(*timestamp_ms))
    }

    /// Copies the samples that no part has, for a flush.
    pub(crate) fn take_unflushed(&mut self) -> Series {
        self.late_pending.append(&mut self.late);
        self.pending_ms = self.last_ms;
        let mut out = self.read(TimeRange::new(self.flushed_ms.saturating_add(1), i64::MAX));
        for (timestamp_ms, value) in self.late_pending.iter().filter(|sample| sample.0 <= self.flushed_ms) {
            out.timestamps_ms.push(*timestamp_ms);
            out.values.push(*value);
        }
        normalise(&mut out, TimeRange::ALL);
        out
    }

    /// What [`MemSeries::take_unflushed`] gave lies in parts now.
    pub(crate) fn note_flushed(&mut self) {
        self.flushed_ms = self.pending_ms;
        self.late_pending.clear();
    }

    /// The time of the oldest sample that no part has, or a little before it.
    pub(crate) fn oldest_unflushed_ms(&self) -> Option<i64> {
        let late = self.late.iter().chain(&self.late_pending).map(|sample| sample.0).min();
        let in_order =
            (self.last_ms > self.flushed_ms).then(|| self.bounds().map(|bounds| bounds.start_ms.max(self.flushed_ms)));
        late.into_iter().chain(in_order.flatten()).min()
    }

    /// Forgets what lies in parts up to `timestamp_ms`, in whole chunks. Returns whether nothing
    /// is left.
    pub(crate) fn forget(&mut self, timestamp_ms: i64) -> bool {
        let until_ms = timestamp_ms.min(self.flushed_ms);
        self.chunks.retain(|chunk| chunk.range.end_ms > until_ms);
        if self.last_ms <= until_ms {
            self.open = XorEncoder::default();
        }
        self.histograms.retain(|sample| sample.0 > until_ms);
        self.len() == 0
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        let closed: usize = self.chunks.iter().map(|chunk| chunk.count as usize).sum();
        closed + self.open.count() as usize + self.late.len() + self.late_pending.len() + self.histograms.len()
    }

    /// Bytes of samples and labels.
    pub(crate) fn size_bytes(&self) -> usize {
        let closed: usize = self
            .chunks
            .iter()
            .map(|chunk| chunk.bytes.len() + size_of::<Chunk>())
            .sum();
        size_of::<Self>() + self.labels.size_bytes() + closed + self.open.bytes().len()
    }

    /// First and last time, if there are samples.
    pub(crate) fn bounds(&self) -> Option<TimeRange> {
        let open = (self.open.count() > 0).then_some(self.open_since_ms);
        let firsts = [
            self.chunks.first().map(|chunk| chunk.range.start_ms),
            open,
            self.late.iter().chain(&self.late_pending).map(|sample| sample.0).min(),
            self.histograms.first().map(|sample| sample.0),
        ];
        firsts
            .into_iter()
            .flatten()
            .min()
            .map(|first| TimeRange::new(first, self.last_ms))
    }
}

fn is_same(a: &MetricValue, b: &MetricValue) -> bool {
    match (a, b) {
        (MetricValue::Float(a), MetricValue::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

fn decode_into(bytes: &[u8], count: u32, out: &mut Series) {
    xor::decode(bytes, count, &mut out.timestamps_ms, &mut out.values).expect("chunks of the head are our own");
}

/// Cuts a series to the range, sorts it, and keeps the first of several samples of one time.
pub(crate) fn normalise(series: &mut Series, range: TimeRange) {
    sort_by_time(&mut series.timestamps_ms, &mut series.values, range);
    sort_by_time(&mut series.histogram_timestamps_ms, &mut series.histograms, range);
}

fn sort_by_time<T: Clone>(timestamps_ms: &mut Vec<i64>, values: &mut Vec<T>, range: TimeRange) {
    let is_sorted = timestamps_ms.windows(2).all(|pair| pair[0] < pair[1]);
    if is_sorted {
        let start = timestamps_ms.partition_point(|timestamp| *timestamp < range.start_ms);
        let end = timestamps_ms.partition_point(|timestamp| *timestamp <= range.end_ms);
        timestamps_ms.truncate(end);
        values.truncate(end);
        timestamps_ms.drain(..start.min(end));
        values.drain(..start.min(end));
        return;
    }
    let mut pairs: Vec<(i64, T)> = timestamps_ms.drain(..).zip(values.drain(..)).collect();
    pairs.retain(|pair| range.contains(pair.0));
    pairs.sort_by_key(|pair| pair.0);
    pairs.dedup_by_key(|pair| pair.0);
    (*timestamps_ms, *values) = pairs.into_iter().unzip();
}
