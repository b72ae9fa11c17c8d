//! Time ranges. Metrics count in milliseconds, logs and traces in nanoseconds, both since the
//! Unix epoch and both `i64`; the unit is the suffix of every name.

/// A closed range of milliseconds: both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First millisecond.
    pub start_ms: i64,
    /// Last millisecond.
    pub end_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
    };

    /// The closed range from `start_ms` to `end_ms`.
    pub const fn new(start_ms: i64, end_ms: i64) -> Self {
        Self { start_ms, end_ms }
    }

    /// Whether `timestamp_ms` lies within.
    pub const fn contains(&self, timestamp_ms: i64) -> bool {
        self.start_ms <= timestamp_ms && timestamp_ms <= self.end_ms
    }

    /// Whether the two ranges share a millisecond.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start_ms <= other.end_ms && other.start_ms <= self.end_ms
    }
}

/// A half-open range of nanoseconds, as Loki and Jaeger count: the start belongs to it, the end
/// does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRangeNs {
    /// First nanosecond.
    pub start_ns: i64,
    /// First nanosecond after the range.
    pub end_ns: i64,
}

impl TimeRangeNs {
    /// All of time.
    pub const ALL: Self = Self {
        start_ns: i64::MIN,
        end_ns: i64::MAX,
    };

    /// The half-open range from `start_ns` to `end_ns`.
    pub const fn new(start_ns: i64, end_ns: i64) -> Self {
        Self { start_ns, end_ns }
    }

    /// Whether `timestamp_ns` lies within.
    pub const fn contains(&self, timestamp_ns: i64) -> bool {
        self.start_ns <= timestamp_ns && timestamp_ns < self.end_ns
    }

    /// Whether the range shares an instant with the closed range `[min_ns, max_ns]`.
    pub const fn overlaps_closed(&self, min_ns: i64, max_ns: i64) -> bool {
        self.start_ns <= max_ns && min_ns < self.end_ns
    }
}
