//! Answers of a store that was read from afar: samples, or frames with chunks.

use std::sync::Arc;

use prost::Message;
use skopos_core::metric::Series;
use skopos_core::{BudgetError, Labels, QueryBudget};
use skopos_prometheus_tsdb::{ChunkEncoding, decode_chunk};

use super::proto::{ChunkedReadResponse, ChunkedSeries, ReadResponse};
use crate::compression::{CompressionError, Encoding, decompress};
use crate::remote_write::{LabelMessage, TimeSeries, float_histogram};

/// Most bytes of a varint.
const MAX_VARINT_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 4;
/// Longest chunk that is decoded. Those that Prometheus cuts are of some kilobytes.
const MAX_CHUNK_BYTES: usize = 4 << 20;
const STAGE: &str = "remote read";

/// An answer that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The query's budget ended it.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The body is no snappy block, or is too large.
    #[error("error decompressing the response: {0}")]
    Compression(#[from] CompressionError),
    /// The body or a frame is no such protobuf message.
    #[error("unable to unmarshal response body: {0}")]
    Protobuf(String),
    /// There is not one result for the one query.
    #[error("responses: want 1, got {0}")]
    Results(usize),
    /// A native histogram contradicts itself.
    #[error("series {series}: {reason}")]
    Histogram {
        /// The series that it is of.
        series: String,
        /// What is wrong.
        reason: String,
    },
    /// A chunk cannot be decoded.
    #[error("series {series}: {reason}")]
    Chunk {
        /// The series that it is of.
        series: String,
        /// What is wrong.
        reason: String,
    },
    /// A frame is larger than allowed.
    #[error("message size exceeded the limit {limit_bytes} bytes; got: {bytes} bytes")]
    FrameTooLarge {
        /// The frame.
        bytes: u64,
        /// The bound (`chunked_read_limit`).
        limit_bytes: u64,
    },
    /// The length before a frame is no varint.
    #[error("the length of a frame is not valid")]
    Length,
    /// A frame is not what its checksum is of.
    #[error("invalid checksum of a frame")]
    Checksum,
    /// The answer ends within a frame.
    #[error("the answer ends within a frame")]
    Cut,
}

/// Reads an answer with samples to one query, at most `limit_bytes` long when unpacked. Samples are as they were
/// sent: sorted by time where the sender keeps to the protocol. The budget is charged with them.
pub fn decode_samples(body: &[u8], limit_bytes: usize, budget: &QueryBudget) -> Result<Vec<Series>, AnswerError> {
    let body = decompress(Encoding::Snappy, body, limit_bytes)?;
    let answer = ReadResponse::decode(body.as_slice()).map_err(|error| AnswerError::Protobuf(error.to_string()))?;
    let count = answer.results.len();
    let mut results = answer.results.into_iter();
    match (results.next(), count) {
        (Some(only), 1) => {
            let of_budget = |sent: TimeSeries| {
                budget.charge(sent.samples.len() + sent.histograms.len(), STAGE)?;
                series_of(sent)
            };
            only.timeseries.into_iter().map(of_budget).collect()
        }
        _ => Err(AnswerError::Results(count)),
    }
}

fn series_of(sent: TimeSeries) -> Result<Series, AnswerError> {
    let labels = labels_of(&sent.labels);
    let mut series = Series {
        timestamps_ms: sent.samples.iter().map(|sample| sample.timestamp).collect(),
        values: sent.samples.iter().map(|sample| sample.value).collect(),
        ..Series::default()
    };
    for sent in sent.histograms {
        let timestamp_ms = sent.timestamp;
        let histogram = float_histogram(sent).map_err(|reason| AnswerError::Histogram {
            series: labels.to_string(),
            reason,
        })?;
        series.histogram_timestamps_ms.push(timestamp_ms);
        series.histograms.push(Arc::new(histogram));
    }
    Ok(Series { labels, ..series })
}

fn labels_of(sent: &[LabelMessage]) -> Labels {
    Labels::from_pairs(sent.iter().map(|label| (&label.name, &label.value)))
}

/// Reads an answer of frames as its bytes come. The chunks of one series may come in several frames, one after the
/// other, and hold samples beyond the range that was asked for.
#[derive(Debug)]
pub struct ChunkReader {
    limit_bytes: u64,
    pending: Vec<u8>,
}

impl ChunkReader {
    /// A reader of frames of at most so many bytes each.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            pending: Vec::new(),
        }
    }

    /// Takes bytes in; gives the series of the frames that end in them and charges the budget with their samples.
    /// What it holds is no more than a frame and what was just taken in.
    pub fn push(&mut self, bytes: &[u8], budget: &QueryBudget) -> Result<Vec<Series>, AnswerError> {
        self.pending.extend_from_slice(bytes);
        let (mut at, mut found) = (0, Vec::new());
        while let Some((message, end)) = self.frame(at)? {
            let answer =
                ChunkedReadResponse::decode(message).map_err(|error| AnswerError::Protobuf(error.to_string()))?;
            for sent in answer.chunked_series {
                found.push(decoded(&sent, budget)?);
            }
            at = end;
        }
        self.pending.drain(..at);
        Ok(found)
    }

    /// That all has come.
    pub fn finish(self) -> Result<(), AnswerError> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            Err(AnswerError::Cut)
        }
    }

    /// The message of the frame that begins at `at`, and where the frame ends; nothing while it has not come whole.
    fn frame(&self, at: usize) -> Result<Option<(&[u8], usize)>, AnswerError> {
        let mut rest = self.pending.get(at..).unwrap_or_default();
        let is_whole = rest.iter().take(MAX_VARINT_BYTES).any(|byte| *byte < 0x80);
        if !is_whole && rest.len() < MAX_VARINT_BYTES {
            return Ok(None);
        }
        let bytes = prost::encoding::decode_varint(&mut rest).map_err(|_| AnswerError::Length)?;
        let limit_bytes = self.limit_bytes;
        let length = usize::try_from(bytes).ok().filter(|_| bytes <= limit_bytes);
        let length = length.ok_or(AnswerError::FrameTooLarge { bytes, limit_bytes })?;
        let Some((checksum, rest)) = rest.split_first_chunk::<CHECKSUM_BYTES>() else {
            return Ok(None);
        };
        let Some((message, rest)) = rest.split_at_checked(length) else {
            return Ok(None);
        };
        if crc32c::crc32c(message).to_be_bytes() != *checksum {
            return Err(AnswerError::Checksum);
        }
        Ok(Some((message, self.pending.len() - rest.len())))
    }
}

fn decoded(sent: &ChunkedSeries, budget: &QueryBudget) -> Result<Series, AnswerError> {
    let mut series = Series {
        labels: labels_of(&sent.labels),
        ..Series::default()
    };
    for chunk in &sent.chunks {
        let before = series.len();
        let encoding = ChunkEncoding::of(u8::try_from(chunk.encoding).unwrap_or_default());
        let outcome = if chunk.data.len() > MAX_CHUNK_BYTES {
            Err(format!(
                "a chunk of {} bytes is longer than {MAX_CHUNK_BYTES}",
                chunk.data.len()
            ))
        } else {
            decode_chunk(encoding, &chunk.data, &mut series).map_err(|problem| problem.to_string())
        };
        outcome.map_err(|reason| AnswerError::Chunk {
            series: series.labels.to_string(),
            reason,
        })?;
        budget.charge(series.len() - before, STAGE)?;
    }
    Ok(series)
}
