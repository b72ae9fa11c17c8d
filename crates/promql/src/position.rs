//! Byte ranges in a query, and their `line:column` form.

/// A half-open range of bytes in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PosRange {
    /// First byte.
    pub start: usize,
    /// First byte after the range.
    pub end: usize,
}

impl PosRange {
    /// The range from `start` up to `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// `line:column` of the start in `query`, both counted from 1, columns in bytes.
    #[must_use]
    pub fn line_column(self, query: &str) -> String {
        let Some(before) = query.as_bytes().get(..self.start) else {
            return "unknown position".to_owned();
        };
        let line = before.split(|byte| *byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        format!("{line}:{}", self.start - line_start + 1)
    }
}
