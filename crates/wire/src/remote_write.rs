//! Prometheus remote write 1.0 and 2.0: a snappy block of a protobuf message to a metric batch, and
//! series to such a message.
//!
//! A body that cannot be read is a [`RemoteWriteError`]. Series without a metric name or with a
//! repeated label, and histograms that contradict themselves, are left out and counted in the
//! report, as Prometheus does.

mod encode;
mod histogram;
mod proto;
mod read;
mod v1;
mod v2;

use skopos_core::metric::{AppendReport, MetricBatch};

pub(crate) use encode::hint_number;
pub use encode::{OutgoingItem, OutgoingValue, encode_metadata, encode_v1, encode_v2};
pub use proto::{
    BucketSpan, ExemplarMessage, HistogramMessage, LabelMessage, MetadataMessage, SampleMessage, TimeSeries,
    WriteRequest,
};

use crate::compression::{CompressionError, Encoding, decompress};
use crate::protobuf::ProtobufError;

/// A write that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// The body is no snappy block, or is too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The body is no such protobuf message.
    #[error("body is not a valid {message}: {reason}")]
    Protobuf {
        /// The message expected.
        message: &'static str,
        /// What is wrong.
        reason: ProtobufError,
    },
}

/// A decoded write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RemoteWrite {
    /// What can be stored.
    pub batch: MetricBatch,
    /// Samples left out here, by reason. Nothing is stored yet, so `stored` is 0.
    pub report: AppendReport,
}

/// Decodes the body of a write of version 1.0, at most `limit_bytes` long when unpacked.
pub fn decode_remote_write(body: &[u8], limit_bytes: usize) -> Result<RemoteWrite, RemoteWriteError> {
    let body = decompress(Encoding::Snappy, body, limit_bytes)?;
    v1::decode(&body).map_err(|reason| RemoteWriteError::Protobuf {
        message: "prometheus.WriteRequest",
        reason,
    })
}

/// Decodes the body of a write of version 2.0, at most `limit_bytes` long when unpacked.
pub fn decode_remote_write_v2(body: &[u8], limit_bytes: usize) -> Result<RemoteWrite, RemoteWriteError> {
    let body = decompress(Encoding::Snappy, body, limit_bytes)?;
    v2::decode(&body).map_err(|reason| RemoteWriteError::Protobuf {
        message: "io.prometheus.write.v2.Request",
        reason,
    })
}

#[cfg(test)]
mod tests;
