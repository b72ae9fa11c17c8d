//! The machine's own metrics under the names of Prometheus' node_exporter, as exposition text.
//!
//! ```text
//!   /proc, /sys, statvfs ──▶ collectors ──▶ families ──▶ text exposition format 0.0.4
//! ```
//!
//! Each collector reads one source. One that fails is left out, counted in
//! `node_scrape_collector_success`, and never fails the others. Nothing here knows who asks.

mod collector;
mod family;

use std::fmt;
use std::time::Instant;

use collector::COLLECTORS;
use family::Families;

/// A source of the machine's metrics was not readable.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Reading or parsing below /proc failed.
    #[error("failed to read {what}: {source}")]
    Proc {
        /// Which file.
        what: &'static str,
        /// Why.
        source: procfs::ProcError,
    },
    /// Reading a file failed.
    #[error("failed to read {what}: {source}")]
    Io {
        /// Which file.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads the machine's metrics.
#[derive(Debug, Default, Clone, Copy)]
pub struct Host;

impl Host {
    /// All metrics as they are now, in the text exposition format 0.0.4.
    pub fn render(&self) -> String {
        let mut families = Families::default();
        let mut outcomes = Vec::with_capacity(COLLECTORS.len());
        for (name, collect) in COLLECTORS {
            let started = Instant::now();
            let success = collect(&mut families).is_ok();
            outcomes.push((*name, success, started.elapsed().as_secs_f64()));
        }
        for (name, success, seconds) in outcomes {
            let labels = [("collector", name)];
            families.gauge(
                "node_scrape_collector_success",
                "Whether the collector could read its source.",
                &labels,
                f64::from(u8::from(success)),
            );
            families.gauge(
                "node_scrape_collector_duration_seconds",
                "Time that the collector took.",
                &labels,
                seconds,
            );
        }
        families.to_string()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

#[cfg(test)]
mod tests;
