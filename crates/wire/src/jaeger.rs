//! Jaeger's own formats: a `Batch` of jaeger.thrift in Thrift's binary protocol, as clients post it, and the `Batch` of
//! `jaeger.api_v2` in protobuf, as agents send it over gRPC.
//!
//! Both become spans by one mapping, that of the OpenTelemetry Collector
//! (`pkg/translator/jaeger` in opentelemetry-collector-contrib), which is the way back from that of OpenTelemetry's
//! specification ([trace/sdk_exporters/jaeger.md](https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/)).
//! Spans that are readable but invalid (an all-zero trace id) are left out and counted in
//! [`Rejected`](crate::otlp::Rejected).

mod mapping;
mod protobuf;
mod status;
mod thrift;

pub use mapping::{Reference, ReferenceKind, references};
pub use protobuf::{
    Batch, KeyValue, Log, PostSpansRequest, PostSpansResponse, Process, Span, SpanRef, SpanRefType, ValueType,
    span_batch,
};
pub use thrift::{ThriftError, decode_batch, is_thrift};

#[cfg(test)]
mod tests;
