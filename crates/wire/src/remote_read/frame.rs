//! Streamed answers: frames of a length, a checksum and a message with chunks.

use prost::Message;
use skopos_core::metric::Series;
use skopos_prometheus_tsdb::xor::XorEncoder;

use super::labels;
use super::proto::{Chunk, ChunkedReadResponse, ChunkedSeries};

/// The media type of a streamed answer.
pub const STREAMED_CONTENT_TYPE: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

/// Samples in a chunk, as in Prometheus.
const CHUNK_SAMPLES: usize = 120;
const XOR: i32 = 1;

/// Frames for the series of one query: at least one for each series, none beyond a size where
/// chunks allow it.
#[derive(Debug)]
pub struct ChunkFrames {
    query: i64,
    /// Bytes of chunks after which a frame ends (Prometheus' `read-max-bytes-in-frame`).
    max_bytes: usize,
}

impl ChunkFrames {
    /// Frames for the query at `index` of the request.
    #[must_use]
    pub fn new(index: usize, max_bytes: usize) -> Self {
        Self {
            query: i64::try_from(index).unwrap_or(i64::MAX),
            max_bytes,
        }
    }

    /// Appends the floats of a series as frames. Chunks of histograms are not made: their format
    /// is not spoken here.
    pub fn push(&self, series: &Series, out: &mut Vec<u8>) {
        let (mut chunks, mut left) = (Vec::new(), self.max_bytes);
        let times = series.timestamps_ms.chunks(CHUNK_SAMPLES);
        for (times, values) in times.zip(series.values.chunks(CHUNK_SAMPLES)) {
            let chunk = chunk(times, values);
            if left < chunk.data.len() && !chunks.is_empty() {
                self.push_frame(series, std::mem::take(&mut chunks), out);
                left = self.max_bytes;
            }
            left = left.saturating_sub(chunk.data.len());
            chunks.push(chunk);
        }
        self.push_frame(series, chunks, out);
    }

    /// The length as a varint, the CRC-32C of the message in big-endian order, the message.
    fn push_frame(&self, series: &Series, chunks: Vec<Chunk>, out: &mut Vec<u8>) {
        let labels = labels(&series.labels);
        let message = ChunkedReadResponse {
            chunked_series: vec![ChunkedSeries { labels, chunks }],
            query_index: self.query,
        };
        let data = message.encode_to_vec();
        prost::encoding::encode_varint(data.len() as u64, out);
        out.extend_from_slice(&crc32c::crc32c(&data).to_be_bytes());
        out.extend_from_slice(&data);
    }
}

fn chunk(times: &[i64], values: &[f64]) -> Chunk {
    let mut encoder = XorEncoder::default();
    for (time, value) in times.iter().zip(values) {
        encoder.append(*time, *value);
    }
    // The number of samples takes the first two bytes.
    let mut data = u16::try_from(encoder.count())
        .unwrap_or(u16::MAX)
        .to_be_bytes()
        .to_vec();
    data.extend_from_slice(&encoder.take());
    Chunk {
        min_time_ms: times.first().copied().unwrap_or_default(),
        max_time_ms: times.last().copied().unwrap_or_default(),
        encoding: XOR,
        data,
    }
}
