//! Intervals under a name, by which routes are muted or active.

use serde::Serialize;
use skopos_config::Position;
use skopos_config::strict::{Node, Problem, Result, Section, read_section};

use crate::interval::TimeInterval;

/// Intervals under a name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedIntervals {
    /// The name, unique in the configuration.
    pub name: String,
    /// The intervals.
    pub time_intervals: Vec<TimeInterval>,
    /// Where they are written.
    #[serde(skip)]
    pub position: Position,
}

impl NamedIntervals {
    /// Whether the instant, in Unix milliseconds, lies in any of them.
    pub fn contains(&self, now_ms: i64) -> bool {
        self.time_intervals.iter().any(|interval| interval.contains(now_ms))
    }

    fn read(node: &Node, what: &str, local: &str) -> Result<Self> {
        read_section(node, "config.plain", |section| {
            let name = section.text_or_empty("name")?;
            if name.is_empty() {
                section.refuse(section.problem(format!("missing name in {what}")));
            }
            Ok(Self {
                name,
                time_intervals: section.list("time_intervals", |node| TimeInterval::read(node, local))?,
                position: node.at,
            })
        })
    }
}

/// Reads `mute_time_intervals`, which is deprecated, and `time_intervals`.
pub(super) fn read(section: &Section<'_>, local: &str) -> Result<Vec<NamedIntervals>> {
    let mut all: Vec<NamedIntervals> = Vec::new();
    for (key, what) in [
        ("mute_time_intervals", "mute time interval"),
        ("time_intervals", "time interval"),
    ] {
        for node in section.items(key)? {
            let intervals = NamedIntervals::read(node, what, local)?;
            if all.iter().any(|known| known.name == intervals.name) {
                return Err(
                    Problem::at(node.at, format!("{what} {:?} is not unique", intervals.name))
                        .help("names are shared by time_intervals and mute_time_intervals"),
                );
            }
            all.push(intervals);
        }
    }
    Ok(all)
}
