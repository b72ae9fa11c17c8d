//! Start timestamps: when the counting behind a sample began (0 where unknown).

/// A sample's time and the start of its counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) time_ms: i64,
    pub(crate) start_ms: i64,
}

impl Started {
    /// Whether the start is known and before the sample.
    fn is_valid(self) -> bool {
        self.start_ms != 0 && self.start_ms < self.time_ms
    }
}

/// Whether counting began anew between two samples. A start at the time of the sample before is
/// that of a delta, unless the sample before has no start itself: then the start of a cumulative
/// series is merely unknown.
pub(crate) fn is_reset(before: Started, after: Started) -> bool {
    if !after.is_valid() || after.start_ms < before.time_ms {
        return false;
    }
    after.start_ms > before.time_ms || before.is_valid()
}

/// Whether the counting behind a sample began before the sample before it, and not with that.
pub(crate) fn overlaps(before: Started, after: Started) -> bool {
    after.start_ms != 0 && after.start_ms < before.time_ms && after.start_ms != before.start_ms
}

/// The start of the first sample if it lies within the window: there the counter was zero.
pub(crate) fn within(first: Started, window_start_ms: i64) -> Option<i64> {
    (first.is_valid() && first.start_ms > window_start_ms).then_some(first.start_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_ms: i64, start_ms: i64) -> Started {
        Started { time_ms, start_ms }
    }

    #[test]
    fn tells_deltas_from_unknown_starts() {
        assert!(is_reset(at(10, 5), at(20, 10)), "delta");
        assert!(is_reset(at(10, 5), at(20, 15)), "restart");
        assert!(!is_reset(at(10, 5), at(20, 5)), "cumulative");
        assert!(!is_reset(at(10, 0), at(20, 10)), "start unknown");
        assert!(!is_reset(at(10, 11), at(20, 10)), "start after its sample");
        assert!(!is_reset(at(10, 5), at(20, 20)), "nothing was counted");
        assert!(overlaps(at(10, 5), at(20, 7)));
        assert!(!overlaps(at(10, 5), at(20, 5)));
    }
}
