//! What a read would touch, told without reading.

use std::collections::BTreeMap;

/// Sizes of a read. What a source cannot tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadEstimate {
    /// Series that match and have samples in the range.
    pub series: u64,
    /// Samples of them, at most.
    pub samples: Option<u64>,
    /// Encoded bytes that would be read of parts.
    pub bytes: Option<u64>,
    /// Parts that would be opened.
    pub parts: Option<u64>,
    /// Of those, parts of windows: by their length in milliseconds.
    pub downsampled_parts: BTreeMap<i64, u64>,
}
