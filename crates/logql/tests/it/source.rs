//! A source of lines in memory.

use std::ops::ControlFlow;

use skopos_core::log::{Direction, LogEntry, LogSelection, LogSource, LogStats};
use skopos_core::matcher::all_match;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError};

#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) entries: Vec<(Labels, LogEntry)>,
}

impl Lines {
    pub(crate) fn push(&mut self, stream: &Labels, timestamp_ns: i64, line: &str, metadata: &Labels) {
        self.entries.push((
            stream.clone(),
            LogEntry {
                timestamp_ns,
                line: line.to_owned(),
                structured_metadata: metadata.clone(),
            },
        ));
    }
}

impl LogSource for Lines {
    fn scan(
        &self,
        selection: &LogSelection<'_>,
        _budget: &QueryBudget,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut wanted: Vec<_> = self
            .entries
            .iter()
            .filter(|(stream, entry)| {
                selection.range.contains(entry.timestamp_ns) && all_match(selection.matchers, stream)
            })
            .collect();
        wanted.sort_by_key(|(_, entry)| entry.timestamp_ns);
        if selection.direction == Direction::Backward {
            wanted.reverse();
        }
        for (stream, entry) in wanted {
            if visit(stream, entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn series(&self, _: &[Matcher], _: TimeRangeNs) -> Result<Vec<Labels>, ReadError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn stats(&self, _: &[Matcher], _: TimeRangeNs) -> Result<LogStats, ReadError> {
        Ok(LogStats::default())
    }
}
