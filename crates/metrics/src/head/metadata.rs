//! Metadata of families that have no series any more.

use skopos_core::labels::METRIC_NAME;

use super::Head;

/// So many families are kept whether they have series or not.
const KEPT_FAMILIES: usize = 10_000;
/// What series of a family may have after its name.
const SUFFIXES: [&str; 9] = [
    "", "_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum",
];

impl Head {
    /// Where there are more families than anybody reads, forgets those without series.
    pub(super) fn forget_metadata(&mut self) {
        if self.metadata.len() <= KEPT_FAMILIES {
            return;
        }
        let index = &self.index;
        let has_series = |family: &str| {
            let mut names = SUFFIXES.iter().map(|suffix| format!("{family}{suffix}"));
            names.any(|name| index.has(METRIC_NAME, &name))
        };
        self.metadata.retain(|family, _| has_series(family));
    }
}
