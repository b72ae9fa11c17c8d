//! Requests to a store that is read from afar.

use prost::Message;
use skopos_core::metric::Selection;
use skopos_core::{MatchOp, Matcher};

use super::proto::{LabelMatcher, Query, ReadHints, ReadRequest};
use crate::compression::{CompressionError, snappy_block};

/// Numbers of `ReadRequest.ResponseType`: chunks are the dearest, as to Prometheus.
const ACCEPTED: [i32; 2] = [1, 0];

/// The body that asks for what `selection` selects, in chunks or in samples, as a snappy block.
pub fn encode_read(selection: &Selection<'_>) -> Result<Vec<u8>, CompressionError> {
    let range = selection.range;
    let request = ReadRequest {
        queries: vec![Query {
            start_timestamp_ms: range.start_ms,
            end_timestamp_ms: range.end_ms,
            matchers: selection.matchers.iter().map(matcher).collect(),
            hints: Some(ReadHints {
                step_ms: selection.step_ms,
                start_ms: range.start_ms,
                end_ms: range.end_ms,
            }),
        }],
        accepted_response_types: ACCEPTED.to_vec(),
    };
    snappy_block(&request.encode_to_vec())
}

fn matcher(matcher: &Matcher) -> LabelMatcher {
    LabelMatcher {
        match_type: match matcher.op() {
            MatchOp::Equal => 0,
            MatchOp::NotEqual => 1,
            MatchOp::Regex => 2,
            MatchOp::NotRegex => 3,
        },
        name: matcher.name().to_owned(),
        value: matcher.value().to_owned(),
    }
}
