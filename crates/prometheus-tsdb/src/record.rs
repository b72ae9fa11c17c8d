//! Records of the write-ahead log (`tsdb/docs/format/wal.md`, `tsdb/record/record.go`).

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span, absolute_counts};
use skopos_core::metric::{Exemplar, MetricType};
use skopos_core::{Labels, TimeRange};

use crate::bytes::Bytes;

/// What stands for a series within a log.
pub type SeriesRef = u64;

/// A float sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefSample {
    /// Its series.
    pub series: SeriesRef,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The value.
    pub value: f64,
    /// When counting began, in milliseconds since the Unix epoch; 0 where unknown.
    pub start_ms: i64,
}

/// A native histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct RefHistogram {
    /// Its series.
    pub series: SeriesRef,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The histogram.
    pub histogram: FloatHistogram,
    /// When counting began, in milliseconds since the Unix epoch; 0 where unknown.
    pub start_ms: i64,
}

/// An exemplar.
#[derive(Debug, Clone, PartialEq)]
pub struct RefExemplar {
    /// Its series.
    pub series: SeriesRef,
    /// The exemplar.
    pub exemplar: Exemplar,
}

/// A deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefTombstone {
    /// Of which series.
    pub series: SeriesRef,
    /// What is deleted.
    pub range: TimeRange,
}

/// What is known of a series' family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataEntry {
    /// The series.
    pub series: SeriesRef,
    /// The type.
    pub metric_type: MetricType,
    /// The help text.
    pub help: String,
    /// The unit, or empty.
    pub unit: String,
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// Series and what stands for them.
    Series(Vec<(SeriesRef, Labels)>),
    /// Float samples.
    Samples(Vec<RefSample>),
    /// Deletions.
    Tombstones(Vec<RefTombstone>),
    /// Exemplars.
    Exemplars(Vec<RefExemplar>),
    /// Series whose samples until here are in chunks of the head.
    MmapMarkers(Vec<SeriesRef>),
    /// Metadata.
    Metadata(Vec<MetadataEntry>),
    /// Native histograms.
    Histograms(Vec<RefHistogram>),
    /// The oldest time that a checkpoint kept, in milliseconds since the Unix epoch.
    MinValidTime(i64),
    /// A record of a later Prometheus, by its number.
    Unknown(u8),
}

/// A record whose bytes make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of {kind} is cut or invalid {offset} bytes after its start")]
pub struct RecordProblem {
    /// What it should hold.
    pub kind: &'static str,
    /// Where reading ended.
    pub offset: usize,
}

/// Reads a record.
pub fn decode_record(record: &[u8]) -> Result<Record, RecordProblem> {
    let mut bytes = Bytes::new(record);
    let (kind, decoded) = match bytes.byte() {
        Some(1) => ("series", all(&mut bytes, series).map(Record::Series)),
        Some(2) => ("samples", samples(&mut bytes).map(Record::Samples)),
        Some(3) => ("tombstones", all(&mut bytes, tombstone).map(Record::Tombstones)),
        Some(4) => ("exemplars", exemplars(&mut bytes).map(Record::Exemplars)),
        Some(5) => ("mmap markers", all(&mut bytes, marker).map(Record::MmapMarkers)),
        Some(6) => ("metadata", all(&mut bytes, metadata).map(Record::Metadata)),
        Some(7 | 9) => ("histograms", histograms(&mut bytes, integers).map(Record::Histograms)),
        Some(8 | 10) => (
            "float histograms",
            histograms(&mut bytes, floats).map(Record::Histograms),
        ),
        Some(11) => ("samples", samples_v2(&mut bytes).map(Record::Samples)),
        Some(12) => (
            "histograms",
            histograms_v2(&mut bytes, integers).map(Record::Histograms),
        ),
        Some(13) => (
            "float histograms",
            histograms_v2(&mut bytes, floats).map(Record::Histograms),
        ),
        Some(14) => ("time", bytes.be64().map(|time| Record::MinValidTime(time as i64))),
        Some(other) => return Ok(Record::Unknown(other)),
        None => ("nothing", None),
    };
    decoded.ok_or(RecordProblem {
        kind,
        offset: record.len() - bytes.len(),
    })
}

/// Entries up to the end.
fn all<T>(bytes: &mut Bytes<'_>, read: impl Fn(&mut Bytes<'_>) -> Option<T>) -> Option<Vec<T>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        entries.push(read(bytes)?);
    }
    Some(entries)
}

fn series(bytes: &mut Bytes<'_>) -> Option<(SeriesRef, Labels)> {
    Some((bytes.be64()?, labels(bytes)?))
}

fn labels(bytes: &mut Bytes<'_>) -> Option<Labels> {
    let count = bytes.count(2)?;
    let pairs: Option<Vec<(&str, &str)>> = (0..count).map(|_| Some((bytes.text()?, bytes.text()?))).collect();
    let pairs = pairs?;
    Some(Labels::from_sorted_pairs(pairs.iter().copied()).unwrap_or_else(|| Labels::from_pairs(pairs)))
}

/// References and times as differences to the first.
fn based<T>(bytes: &mut Bytes<'_>, read: impl Fn(&mut Bytes<'_>, SeriesRef, i64) -> Option<T>) -> Option<Vec<T>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (first, first_ms) = (bytes.be64()?, bytes.be64()? as i64);
    all(bytes, |bytes| {
        let series = first.wrapping_add_signed(bytes.varint()?);
        let timestamp_ms = first_ms.wrapping_add(bytes.varint()?);
        read(bytes, series, timestamp_ms)
    })
}

fn samples(bytes: &mut Bytes<'_>) -> Option<Vec<RefSample>> {
    based(bytes, |bytes, series, timestamp_ms| {
        Some(RefSample {
            series,
            timestamp_ms,
            value: bytes.float()?,
            start_ms: 0,
        })
    })
}

/// References as differences to the one before, times to the first, and starts of counting.
fn started<T>(
    bytes: &mut Bytes<'_>,
    read: impl Fn(&mut Bytes<'_>, SeriesRef, i64, i64) -> Option<T>,
) -> Option<Vec<T>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let mut series = bytes.varint()? as SeriesRef;
    let (first_ms, first_start_ms) = (bytes.varint()?, bytes.varint()?);
    let mut start_ms = first_start_ms;
    let mut entries = vec![read(bytes, series, first_ms, start_ms)?];
    while !bytes.is_empty() {
        series = series.wrapping_add_signed(bytes.varint()?);
        let timestamp_ms = first_ms.wrapping_add(bytes.varint()?);
        start_ms = match bytes.byte()? {
            0 => 0,
            1 => start_ms,
            _ => first_start_ms.wrapping_add(bytes.varint()?),
        };
        entries.push(read(bytes, series, timestamp_ms, start_ms)?);
    }
    Some(entries)
}

fn samples_v2(bytes: &mut Bytes<'_>) -> Option<Vec<RefSample>> {
    started(bytes, |bytes, series, timestamp_ms, start_ms| {
        Some(RefSample {
            series,
            timestamp_ms,
            value: bytes.float()?,
            start_ms,
        })
    })
}

fn tombstone(bytes: &mut Bytes<'_>) -> Option<RefTombstone> {
    Some(RefTombstone {
        series: bytes.be64()?,
        range: TimeRange::new(bytes.varint()?, bytes.varint()?),
    })
}

fn exemplars(bytes: &mut Bytes<'_>) -> Option<Vec<RefExemplar>> {
    based(bytes, |bytes, series, timestamp_ms| {
        let value = bytes.float()?;
        let exemplar = Exemplar {
            labels: labels(bytes)?,
            timestamp_ms,
            value,
        };
        Some(RefExemplar { series, exemplar })
    })
}

fn marker(bytes: &mut Bytes<'_>) -> Option<SeriesRef> {
    let series = bytes.be64()?;
    bytes.be64().map(|_chunk| series)
}

fn metadata(bytes: &mut Bytes<'_>) -> Option<MetadataEntry> {
    let series = bytes.uvarint()?;
    let metric_type = metric_type(bytes.byte()?);
    let (mut help, mut unit) = (String::new(), String::new());
    for _ in 0..bytes.count(2)? {
        match (bytes.text()?, bytes.text()?) {
            ("HELP", text) => text.clone_into(&mut help),
            ("UNIT", text) => text.clone_into(&mut unit),
            _ => {}
        }
    }
    Some(MetadataEntry {
        series,
        metric_type,
        help,
        unit,
    })
}

const fn metric_type(number: u8) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

/// Reads what differs between histograms of integer and of float counts.
struct CountsReader {
    /// Zero count and count.
    counts: fn(&mut Bytes<'_>) -> Option<(f64, f64)>,
    buckets: fn(&mut Bytes<'_>) -> Option<Vec<f64>>,
}

fn integers() -> CountsReader {
    CountsReader {
        counts: |bytes| Some((bytes.uvarint()? as f64, bytes.uvarint()? as f64)),
        buckets: |bytes| {
            let count = bytes.count(1)?;
            let deltas: Option<Vec<i64>> = (0..count).map(|_| bytes.varint()).collect();
            Some(absolute_counts(deltas?))
        },
    }
}

fn floats() -> CountsReader {
    CountsReader {
        counts: |bytes| Some((bytes.float()?, bytes.float()?)),
        buckets: float_list,
    }
}

fn float_list(bytes: &mut Bytes<'_>) -> Option<Vec<f64>> {
    let count = bytes.count(8)?;
    (0..count).map(|_| bytes.float()).collect()
}

fn histograms(bytes: &mut Bytes<'_>, counts: fn() -> CountsReader) -> Option<Vec<RefHistogram>> {
    based(bytes, |bytes, series, timestamp_ms| {
        Some(RefHistogram {
            series,
            timestamp_ms,
            histogram: histogram(bytes, &counts())?,
            start_ms: 0,
        })
    })
}

fn histograms_v2(bytes: &mut Bytes<'_>, counts: fn() -> CountsReader) -> Option<Vec<RefHistogram>> {
    started(bytes, |bytes, series, timestamp_ms, start_ms| {
        Some(RefHistogram {
            series,
            timestamp_ms,
            histogram: histogram(bytes, &counts())?,
            start_ms,
        })
    })
}

fn histogram(bytes: &mut Bytes<'_>, reader: &CountsReader) -> Option<FloatHistogram> {
    let counter_reset_hint = match bytes.byte()? {
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    };
    let schema = i32::try_from(bytes.varint()?).ok()?;
    let zero_threshold = bytes.float()?;
    let (zero_count, count) = (reader.counts)(bytes)?;
    let mut histogram = FloatHistogram {
        counter_reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum: bytes.float()?,
        positive_spans: spans(bytes)?,
        negative_spans: spans(bytes)?,
        ..FloatHistogram::default()
    };
    histogram.positive_buckets = (reader.buckets)(bytes)?;
    histogram.negative_buckets = (reader.buckets)(bytes)?;
    if schema == CUSTOM_BUCKETS_SCHEMA {
        histogram.custom_values = float_list(bytes)?;
    }
    Some(histogram)
}

fn spans(bytes: &mut Bytes<'_>) -> Option<Vec<Span>> {
    let count = bytes.count(2)?;
    let span = |bytes: &mut Bytes<'_>| {
        Some(Span {
            offset: i32::try_from(bytes.varint()?).ok()?,
            length: u32::try_from(bytes.uvarint()?).ok()?,
        })
    };
    (0..count).map(|_| span(bytes)).collect()
}
