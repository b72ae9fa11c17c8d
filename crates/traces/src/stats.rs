//! Figures and reports of a trace store.

/// What a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceStoreStats {
    /// Traces in the head.
    pub traces: u64,
    /// Spans in the head.
    pub spans: u64,
    /// Bytes of the head, estimated.
    pub head_bytes: u64,
    /// Bytes of the log.
    pub wal_bytes: u64,
    /// Live parts.
    pub parts: u64,
    /// Bytes of live parts.
    pub part_bytes: u64,
    /// Spans in live parts.
    pub rows: u64,
    /// Start of the oldest span.
    pub oldest_ms: Option<i64>,
    /// Start of the newest span.
    pub newest_ms: Option<i64>,
}

/// What opening a store found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Records of the log that were replayed.
    pub records: u64,
    /// Spans in them.
    pub spans: u64,
    /// Records or spans that could not be read.
    pub broken: u64,
    /// Bytes cut at the end of the log: a write that was never acknowledged.
    pub torn_bytes: u64,
    /// Bytes skipped elsewhere in the log.
    pub corrupt_bytes: u64,
    /// Parts without a manifest entry that were removed.
    pub orphan_parts: u64,
    /// Parts that could not be read and were set aside.
    pub corrupt_parts: u64,
}

/// What a flush did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Spans brought to parts.
    pub spans: u64,
    /// Parts written.
    pub parts: u64,
    /// Bytes of those parts.
    pub part_bytes: u64,
}

/// What maintenance did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// What was flushed, if it was time to.
    pub flush: FlushReport,
    /// Parts merged into others.
    pub compacted: u64,
    /// Spans of low-priority traces that were removed.
    pub thinned: u64,
    /// Parts removed because of their age.
    pub expired: u64,
}
