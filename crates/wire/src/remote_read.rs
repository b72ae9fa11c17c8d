//! Prometheus remote read: requests, and answers as samples or as streamed XOR chunks.
//!
//! ```text
//!   body ─▶ decode_remote_read ─▶ ReadQuery ─▶ (the store) ─▶ encode_samples │ ChunkFrames
//!   Selection ─▶ encode_read ─▶ (another store) ─▶ decode_samples │ ChunkReader ─▶ Series
//! ```
//!
//! Formats: `prometheus/prompb/remote.proto`, `types.proto`, and `tsdb/docs/format/chunks.md`.

mod answer;
mod frame;
mod proto;
mod request;

use prost::Message;
use skopos_core::histogram::{FloatHistogram, Span};
use skopos_core::metric::Series;
use skopos_core::{Labels, MatchOp, Matcher, TimeRange};

use crate::compression::{CompressionError, Encoding, decompress};
use crate::remote_write::{BucketSpan, HistogramMessage, LabelMessage, SampleMessage, TimeSeries, hint_number};

pub use answer::{AnswerError, ChunkReader, decode_samples};
pub use frame::{ChunkFrames, STREAMED_CONTENT_TYPE};
use proto::{QueryResult, ReadRequest, ReadResponse};
pub use request::encode_read;

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteReadError {
    /// The body is no snappy block, or is too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The body is no such protobuf message.
    #[error("body is not a valid prometheus.ReadRequest: {0}")]
    Protobuf(String),
    /// A matcher is of no known type, or its pattern does not compile.
    #[error("{0}")]
    Matcher(String),
    /// None of the kinds of answers that the client takes is known.
    #[error(
        "server does not support any of the requested response types: {0:?}; supported: [SAMPLES, STREAMED_XOR_CHUNKS]"
    )]
    ResponseType(Vec<i32>),
}

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// One message with all samples.
    Samples,
    /// Messages with chunks, one after the other.
    StreamedXorChunks,
}

/// One query of a request.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// The samples asked for, from the first to the last millisecond.
    pub range: TimeRange,
    /// What the series must match.
    pub matchers: Vec<Matcher>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct RemoteRead {
    /// The queries, answered in this order.
    pub queries: Vec<ReadQuery>,
    /// What the client takes, the dearest first, known kinds alone; never empty.
    pub accepted: Vec<ResponseType>,
}

/// Decodes the body of `POST /api/v1/read`, at most `limit_bytes` long when unpacked.
pub fn decode_remote_read(body: &[u8], limit_bytes: usize) -> Result<RemoteRead, RemoteReadError> {
    let body = decompress(Encoding::Snappy, body, limit_bytes)?;
    let request = ReadRequest::decode(body.as_slice()).map_err(|error| RemoteReadError::Protobuf(error.to_string()))?;
    let accepted = accepted(&request.accepted_response_types)?;
    let queries = request.queries.into_iter().map(read_query);
    Ok(RemoteRead {
        queries: queries.collect::<Result<_, _>>()?,
        accepted,
    })
}

fn accepted(numbers: &[i32]) -> Result<Vec<ResponseType>, RemoteReadError> {
    if numbers.is_empty() {
        return Ok(vec![ResponseType::Samples]);
    }
    let known = numbers.iter().filter_map(|number| match number {
        0 => Some(ResponseType::Samples),
        1 => Some(ResponseType::StreamedXorChunks),
        _ => None,
    });
    let known: Vec<ResponseType> = known.collect();
    if known.is_empty() {
        return Err(RemoteReadError::ResponseType(numbers.to_vec()));
    }
    Ok(known)
}

fn read_query(sent: proto::Query) -> Result<ReadQuery, RemoteReadError> {
    let matcher = |sent: proto::LabelMatcher| {
        let op = match sent.match_type {
            0 => MatchOp::Equal,
            1 => MatchOp::NotEqual,
            2 => MatchOp::Regex,
            3 => MatchOp::NotRegex,
            other => return Err(RemoteReadError::Matcher(format!("invalid matcher type {other}"))),
        };
        Matcher::new(op, sent.name, sent.value).map_err(|error| RemoteReadError::Matcher(error.to_string()))
    };
    Ok(ReadQuery {
        range: TimeRange::new(sent.start_timestamp_ms, sent.end_timestamp_ms),
        matchers: sent.matchers.into_iter().map(matcher).collect::<Result<_, _>>()?,
    })
}

/// The body of an answer with samples: the series of each query, as a snappy block.
pub fn encode_samples(results: &[Vec<Series>]) -> Result<Vec<u8>, CompressionError> {
    let results = results.iter().map(|series| QueryResult {
        timeseries: series.iter().map(time_series).collect(),
    });
    let response = ReadResponse {
        results: results.collect(),
    };
    crate::compression::snappy_block(&response.encode_to_vec())
}

fn time_series(series: &Series) -> TimeSeries {
    let samples = series.timestamps_ms.iter().zip(&series.values);
    let histograms = series.histogram_timestamps_ms.iter().zip(&series.histograms);
    TimeSeries {
        labels: labels(&series.labels),
        samples: samples
            .map(|(timestamp, value)| SampleMessage {
                value: *value,
                timestamp: *timestamp,
            })
            .collect(),
        exemplars: Vec::new(),
        histograms: histograms
            .map(|(timestamp, histogram)| histogram_message(histogram, *timestamp))
            .collect(),
    }
}

fn labels(labels: &Labels) -> Vec<LabelMessage> {
    let pairs = labels.iter().map(|(name, value)| LabelMessage {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    pairs.collect()
}

fn histogram_message(histogram: &FloatHistogram, timestamp: i64) -> HistogramMessage {
    let spans = |spans: &[Span]| {
        let spans = spans.iter().map(|span| BucketSpan {
            offset: span.offset,
            length: span.length,
        });
        spans.collect()
    };
    HistogramMessage {
        count_float: Some(histogram.count),
        sum: histogram.sum,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count_float: Some(histogram.zero_count),
        negative_spans: spans(&histogram.negative_spans),
        negative_counts: histogram.negative_buckets.clone(),
        positive_spans: spans(&histogram.positive_spans),
        positive_counts: histogram.positive_buckets.clone(),
        reset_hint: hint_number(histogram.counter_reset_hint) as i32,
        timestamp,
        custom_values: histogram.custom_values.clone(),
        ..HistogramMessage::default()
    }
}

#[cfg(test)]
mod tests;
