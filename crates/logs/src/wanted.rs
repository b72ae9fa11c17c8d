//! Which entries a scan wants, asked of raw bytes before an entry is built.

use memchr::memmem::Finder;
use skopos_core::time::TimeRangeNs;

/// Time and texts of the wanted entries.
#[derive(Debug)]
pub(crate) struct Wanted<'t> {
    /// Their times.
    pub(crate) range: TimeRangeNs,
    contains: Vec<Finder<'t>>,
}

impl<'t> Wanted<'t> {
    pub(crate) fn new(range: TimeRangeNs, contains: &'t [String]) -> Self {
        Self {
            range,
            contains: contains.iter().map(Finder::new).collect(),
        }
    }

    /// Everything.
    pub(crate) fn all() -> Self {
        Self::new(TimeRangeNs::ALL, &[])
    }

    pub(crate) fn takes(&self, timestamp_ns: i64, line: &[u8]) -> bool {
        // The end of all time belongs to it.
        let in_range = self.range.contains(timestamp_ns) || self.range == TimeRangeNs::ALL;
        in_range && self.contains.iter().all(|finder| finder.find(line).is_some())
    }
}
