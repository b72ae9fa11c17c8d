//! Prometheus remote write 1.0 and 2.0: a snappy block of a protobuf message to a metric batch, and
//! series to such a message.
//!
//! A body that cannot be read is a [`RemoteWriteError`]. Series without a metric name or with a
//! repeated label, and histograms that contradict themselves, are left out and counted in the
//! report, as Prometheus does.
//!
//! Series that come as most senders write them, sorted labels and plain floats, are
//! [packed](PackedFloats): nothing is allocated for one. All others make a [`MetricBatch`].

mod encode;
mod histogram;
mod proto;
mod read;
mod v1;
mod v2;

use skopos_core::metric::{AppendReport, MetricBatch, PackedFloats};

pub(crate) use encode::hint_number;
pub use encode::{OutgoingItem, OutgoingValue, encode_metadata, encode_v1, encode_v2};
pub(crate) use histogram::float_histogram;
pub use proto::{
    BucketSpan, ExemplarMessage, HistogramMessage, LabelMessage, MetadataMessage, SampleMessage, TimeSeries,
    WriteRequest,
};

use crate::compression::{CompressionError, unsnap_into};
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

/// A decoded write. The floats come before the batch: what must stay behind a series of the batch
/// is in the batch too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RemoteWrite {
    /// Series of plain floats.
    pub floats: PackedFloats,
    /// What else can be stored.
    pub batch: MetricBatch,
    /// Samples left out here, by reason. Nothing is stored yet, so `stored` is 0.
    pub report: AppendReport,
}

/// A buffer that grew beyond this is given back.
const KEPT_BUFFER_BYTES: usize = 4 << 20;

/// Memory that one request after the other is decoded in.
#[derive(Debug, Default)]
pub struct Buffers {
    body: Vec<u8>,
    floats: PackedFloats,
}

impl Buffers {
    /// Gives back what a decoded request took.
    pub fn recycle(&mut self, mut floats: PackedFloats) {
        floats.clear(KEPT_BUFFER_BYTES);
        self.floats = floats;
    }

    fn decode(
        &mut self,
        packed: &[u8],
        limit_bytes: usize,
        message: &'static str,
        decode: impl FnOnce(&[u8], PackedFloats) -> Result<RemoteWrite, ProtobufError>,
    ) -> Result<RemoteWrite, RemoteWriteError> {
        let body = unsnap_into(packed, limit_bytes, &mut self.body)?;
        let decoded = decode(body, std::mem::take(&mut self.floats));
        if self.body.len() > KEPT_BUFFER_BYTES {
            self.body = Vec::new();
        }
        decoded.map_err(|reason| RemoteWriteError::Protobuf { message, reason })
    }
}

/// Decodes the body of a write of version 1.0, at most `limit_bytes` long when unpacked.
pub fn decode_remote_write(
    body: &[u8],
    limit_bytes: usize,
    buffers: &mut Buffers,
) -> Result<RemoteWrite, RemoteWriteError> {
    buffers.decode(body, limit_bytes, "prometheus.WriteRequest", v1::decode)
}

/// Decodes the body of a write of version 2.0, at most `limit_bytes` long when unpacked.
pub fn decode_remote_write_v2(
    body: &[u8],
    limit_bytes: usize,
    buffers: &mut Buffers,
) -> Result<RemoteWrite, RemoteWriteError> {
    buffers.decode(body, limit_bytes, "io.prometheus.write.v2.Request", v2::decode)
}

#[cfg(test)]
mod tests;
