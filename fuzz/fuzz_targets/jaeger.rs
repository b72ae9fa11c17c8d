//! Jaeger's batches: Thrift's binary protocol, and protobuf as gRPC carries it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message;
use skopos_core::span::SpanBatch;
use skopos_wire::jaeger::{PostSpansRequest, decode_batch, span_batch};

fn check(batch: &SpanBatch) {
    for span in &batch.spans {
        assert!(!span.trace_id.is_zero() && !span.span_id.is_zero());
        assert!(span.parent_span_id.is_none_or(|id| !id.is_zero()));
        assert!(span.links.iter().all(|link| !link.trace_id.is_zero() && !link.span_id.is_zero()));
    }
}

fuzz_target!(|body: &[u8]| {
    if let Ok((batch, _)) = decode_batch(body) {
        check(&batch);
    }
    if let Ok(request) = PostSpansRequest::decode(body) {
        check(&span_batch(request).0);
    }
});
