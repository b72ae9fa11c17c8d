//! The body of a request.

use skopos_core::metric::MetricMetadata;
use skopos_wire::compression::{CompressionError, snappy_block};
use skopos_wire::remote_write::{encode_metadata, encode_v1, encode_v2};

use crate::queue::Item;

/// A message of the protocol, by the names of `protobuf_message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// `prometheus.WriteRequest`, version 1.0.
    V1,
    /// `io.prometheus.write.v2.Request`, version 2.0.
    V2,
}

impl Message {
    /// The message of a name; `None` for another.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "prometheus.WriteRequest" => Some(Self::V1),
            "io.prometheus.write.v2.Request" => Some(Self::V2),
            _ => None,
        }
    }

    /// The header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    /// The header `X-Prometheus-Remote-Write-Version`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }
}

/// Samples as a snappy block. Fails beyond 4 GiB.
pub fn samples_body(message: Message, items: &[Item]) -> Result<Vec<u8>, CompressionError> {
    let items = items.iter().map(|item| &item.outgoing);
    snappy_block(&match message {
        Message::V1 => encode_v1(items),
        Message::V2 => encode_v2(items),
    })
}

/// Metadata of version 1.0 as a snappy block. Version 2.0 sends it with the samples.
pub fn metadata_body(entries: &[MetricMetadata]) -> Result<Vec<u8>, CompressionError> {
    snappy_block(&encode_metadata(entries))
}
