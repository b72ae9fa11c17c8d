//! Delta to cumulative: each data point that tells what happened since the one before is added to
//! what its stream has told so far.
//!
//! A stream is a metric with its labels, as it would be stored. Its first point begins it; points
//! that follow, gaps between them or not, are added. A point that is not later than the one before
//! is refused, so that an export that is sent twice is not counted twice. Where the shape of a
//! histogram changes the stream begins anew, which is a counter reset to who reads it. The state is
//! in memory: after a restart every stream begins anew. Nothing here has a clock.

mod buckets;

use std::collections::HashMap;

use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint};
use skopos_core::Labels;

use self::buckets::add_exponential;

/// Most streams that are remembered for a tenant.
const DEFAULT_MAX_STREAMS: usize = 200_000;
/// A stream that told nothing for so long may be forgotten to make room.
const IDLE_MS: i64 = 3_600_000;
/// Streams are looked through for idle ones at most this often.
const SWEEP_INTERVAL_MS: i64 = 60_000;

/// Why a delta was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeltaError {
    /// Not later than what the stream told last.
    #[error("delta is not later than the one before it")]
    OutOfOrder,
    /// There are as many streams as are remembered.
    #[error("too many streams of deltas, and none has been idle for an hour")]
    TooManyStreams,
    /// Buckets too far apart for one histogram.
    #[error("buckets are too far apart to be added")]
    Unmergeable,
}

impl DeltaError {
    /// The reason's name in the ledger.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::OutOfOrder => "delta_out_of_order",
            Self::TooManyStreams => "delta_streams_limit",
            Self::Unmergeable => "invalid_histogram",
        }
    }
}

/// Whether a stream goes on or has just begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continuity {
    /// It goes on.
    Continued,
    /// It has just begun: its total before was 0.
    Begun,
}

#[derive(Debug, Clone)]
enum Total {
    Sum(f64),
    Explicit(Box<HistogramDataPoint>),
    Exponential(Box<ExponentialHistogramDataPoint>),
}

#[derive(Debug, Clone)]
struct Stream {
    last_ns: u64,
    seen_ms: i64,
    total: Total,
}

/// The streams of deltas of one tenant.
#[derive(Debug)]
pub struct DeltaStreams {
    streams: HashMap<Labels, Stream>,
    max_streams: usize,
    swept_ms: i64,
    /// What each stream touched since [`DeltaStreams::begin`] was before.
    undo: Vec<(Labels, Option<Stream>)>,
}

impl Default for DeltaStreams {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_STREAMS)
    }
}

impl DeltaStreams {
    /// No streams yet, and never more than `max_streams`.
    pub fn new(max_streams: usize) -> Self {
        Self {
            streams: HashMap::new(),
            max_streams,
            swept_ms: 0,
            undo: Vec::new(),
        }
    }

    /// Number of streams remembered.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Begins a request: what it adds can be taken back.
    pub fn begin(&mut self) {
        self.undo.clear();
    }

    /// Takes back what was added since [`DeltaStreams::begin`], because it was not stored: the
    /// sender will send it again.
    pub fn roll_back(&mut self) {
        while let Some((labels, before)) = self.undo.pop() {
            match before {
                Some(stream) => self.streams.insert(labels, stream),
                None => self.streams.remove(&labels),
            };
        }
    }

    /// Adds to a sum and gives the total.
    pub(super) fn sum(
        &mut self,
        stream: Labels,
        end_ns: u64,
        value: f64,
        now_ms: i64,
    ) -> Result<(f64, Continuity), DeltaError> {
        let (total, continuity) = self.add(stream, end_ns, now_ms, Total::Sum(value), |total| {
            if let Total::Sum(sum) = total {
                *sum += value;
                return Ok(true);
            }
            Ok(false)
        })?;
        Ok(match total {
            Total::Sum(sum) => (*sum, continuity),
            Total::Explicit(_) | Total::Exponential(_) => (value, continuity),
        })
    }

    /// Adds an explicit histogram and leaves the total in `point`.
    pub(super) fn explicit(
        &mut self,
        stream: Labels,
        point: &mut HistogramDataPoint,
        now_ms: i64,
    ) -> Result<Continuity, DeltaError> {
        let end_ns = point.time_unix_nano;
        let fresh = Total::Explicit(Box::new(bare(point)));
        let (total, continuity) = self.add(stream, end_ns, now_ms, fresh, |total| match total {
            Total::Explicit(total)
                if total.explicit_bounds == point.explicit_bounds
                    && total.bucket_counts.len() == point.bucket_counts.len() =>
            {
                for (sum, count) in total.bucket_counts.iter_mut().zip(&point.bucket_counts) {
                    *sum = sum.saturating_add(*count);
                }
                total.count = total.count.saturating_add(point.count);
                total.sum = total.sum.zip(point.sum).map(|(sum, more)| sum + more);
                Ok(true)
            }
            _ => Ok(false),
        })?;
        if let Total::Explicit(total) = total {
            point.bucket_counts.clone_from(&total.bucket_counts);
            (point.count, point.sum) = (total.count, total.sum);
        }
        Ok(continuity)
    }

    /// Adds an exponential histogram and leaves the total in `point`.
    pub(super) fn exponential(
        &mut self,
        stream: Labels,
        point: &mut ExponentialHistogramDataPoint,
        now_ms: i64,
    ) -> Result<Continuity, DeltaError> {
        let end_ns = point.time_unix_nano;
        let fresh = Total::Exponential(Box::new(bare_exponential(point)));
        let (total, continuity) = self.add(stream, end_ns, now_ms, fresh, |total| match total {
            #[expect(clippy::float_cmp, reason = "the bits that were sent are compared")]
            Total::Exponential(total) if total.zero_threshold == point.zero_threshold => {
                add_exponential(total, point).map(|()| true)
            }
            _ => Ok(false),
        })?;
        if let Total::Exponential(total) = total {
            point.scale = total.scale;
            point.positive.clone_from(&total.positive);
            point.negative.clone_from(&total.negative);
            (point.count, point.sum, point.zero_count) = (total.count, total.sum, total.zero_count);
        }
        Ok(continuity)
    }

    /// Finds the stream and adds with `merge`, which says whether the shapes fit; where they do not
    /// the stream begins anew with `fresh`.
    fn add(
        &mut self,
        labels: Labels,
        end_ns: u64,
        now_ms: i64,
        fresh: Total,
        merge: impl FnOnce(&mut Total) -> Result<bool, DeltaError>,
    ) -> Result<(&Total, Continuity), DeltaError> {
        let begun = Stream {
            last_ns: end_ns,
            seen_ms: now_ms,
            total: fresh,
        };
        let (stream, continuity) = match self.streams.get(&labels) {
            None => {
                self.make_room(now_ms)?;
                self.undo.push((labels.clone(), None));
                (begun, Continuity::Begun)
            }
            Some(known) if end_ns <= known.last_ns => return Err(DeltaError::OutOfOrder),
            Some(known) => {
                let mut next = known.clone();
                let is_merged = merge(&mut next.total)?;
                self.undo.push((labels.clone(), Some(known.clone())));
                next.last_ns = end_ns;
                next.seen_ms = now_ms;
                if is_merged {
                    (next, Continuity::Continued)
                } else {
                    (begun, Continuity::Begun)
                }
            }
        };
        let entry = self.streams.entry(labels).insert_entry(stream);
        Ok((&entry.into_mut().total, continuity))
    }

    fn make_room(&mut self, now_ms: i64) -> Result<(), DeltaError> {
        if self.streams.len() < self.max_streams {
            return Ok(());
        }
        if now_ms.saturating_sub(self.swept_ms) >= SWEEP_INTERVAL_MS {
            self.swept_ms = now_ms;
            self.streams
                .retain(|_, stream| now_ms.saturating_sub(stream.seen_ms) < IDLE_MS);
        }
        if self.streams.len() < self.max_streams {
            Ok(())
        } else {
            Err(DeltaError::TooManyStreams)
        }
    }
}

/// What is remembered of a point: no attributes, no exemplars.
fn bare(point: &HistogramDataPoint) -> HistogramDataPoint {
    HistogramDataPoint {
        count: point.count,
        sum: point.sum,
        bucket_counts: point.bucket_counts.clone(),
        explicit_bounds: point.explicit_bounds.clone(),
        ..HistogramDataPoint::default()
    }
}

fn bare_exponential(point: &ExponentialHistogramDataPoint) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        count: point.count,
        sum: point.sum,
        scale: point.scale,
        zero_count: point.zero_count,
        zero_threshold: point.zero_threshold,
        positive: point.positive.clone(),
        negative: point.negative.clone(),
        ..ExponentialHistogramDataPoint::default()
    }
}
