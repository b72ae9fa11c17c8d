//! Collects the standard output of processes as log streams: one line, one entry.
//!
//! A JSON line gives its `timestamp`, `level`, `trace_id` and `span_id`; any other line is kept as
//! it is, at the time it was read. What stands in the pipe is appended as one batch, so that a
//! burst costs one write and a single line is there at once.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

use serde::Deserialize;
use skopos_core::ledger::{Ledger, LedgerKey, Outcome, Signal};
use skopos_core::log::{LogBatch, LogEntry, LogSink, StreamBatch};
use skopos_core::{Clock as _, Labels, SystemClock, TenantId};
use skopos_wire::loki::{LevelHints, detect_level};

/// Bytes read from a pipe at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// Longest line; what a line has beyond is cut off and counted.
const MAX_LINE_BYTES: usize = 256 * 1024;
/// The door's name in the ledger.
const DOOR: &str = "stdout";

/// Where collected lines go, and who counts them.
#[derive(Debug, Clone)]
pub(crate) struct LogDoor {
    /// Takes the lines.
    pub(crate) sink: Arc<dyn LogSink>,
    /// Counts them.
    pub(crate) ledger: Arc<Ledger>,
}

/// What a JSON line tells about itself. Borrowed where the text has no escapes.
#[derive(Debug, Default, Deserialize)]
struct Told<'a> {
    #[serde(borrow, default)]
    timestamp: Option<&'a str>,
    #[serde(borrow, default)]
    trace_id: Option<&'a str>,
    #[serde(borrow, default)]
    span_id: Option<&'a str>,
}

/// Reads a pipe to its end. Blocks, so it has a thread of its own.
pub(crate) fn collect(pipe: impl Read, labels: &Labels, door: &LogDoor) {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, pipe);
    let mut lines = Lines::default();
    loop {
        let read = match reader.fill_buf() {
            Ok(bytes) => {
                lines.take(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, stream = %labels, "failed to read log lines");
                0
            }
        };
        if read == 0 {
            lines.end();
        }
        reader.consume(read);
        door.append(labels, std::mem::take(&mut lines.entries));
        door.count(Outcome::Dropped, "line_cut", std::mem::take(&mut lines.cut));
        if read == 0 {
            return;
        }
    }
}

/// Cuts bytes into entries; a line may come in several reads.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    entries: Vec<LogEntry>,
    cut: u64,
    is_cutting: bool,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_end) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = MAX_LINE_BYTES - self.rest.len();
            if text.len() > room && !self.is_cutting {
                self.is_cutting = true;
                self.cut += 1;
            }
            self.rest.extend_from_slice(&text[..text.len().min(room)]);
            if is_end {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let line = String::from_utf8_lossy(&self.rest);
        let line = line.trim_end_matches('\r');
        if !line.is_empty() {
            self.entries.push(entry(line));
        }
        self.rest.clear();
        self.is_cutting = false;
    }
}

fn entry(line: &str) -> LogEntry {
    let told: Told<'_> = serde_json::from_str(line).unwrap_or_default();
    let level = detect_level(line, &LevelHints::new(|_| "", |_| ""));
    let mut pairs = vec![("detected_level", level.as_ref())];
    pairs.extend(told.trace_id.map(|id| ("trace_id", id)));
    pairs.extend(told.span_id.map(|id| ("span_id", id)));
    LogEntry {
        timestamp_ns: told
            .timestamp
            .and_then(nanoseconds)
            .unwrap_or_else(|| SystemClock.now_ns()),
        structured_metadata: Labels::from_pairs(pairs),
        line: line.to_owned(),
    }
}

fn nanoseconds(rfc3339: &str) -> Option<i64> {
    let time: jiff::Timestamp = rfc3339.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

impl LogDoor {
    fn append(&self, labels: &Labels, entries: Vec<LogEntry>) {
        if entries.is_empty() {
            return;
        }
        let count = entries.len() as u64;
        let streams = vec![StreamBatch {
            labels: labels.clone(),
            entries,
        }];
        match self.sink.append(LogBatch { streams }) {
            Ok(report) => {
                self.count(Outcome::Stored, "", report.stored);
                for refusal in report.refused {
                    self.count(Outcome::Dropped, refusal.reason, refusal.count);
                }
            }
            Err(error) => {
                tracing::error!(%error, stream = %labels, lines = count, "failed to store log lines");
                self.count(Outcome::Dropped, "write_failed", count);
            }
        }
    }

    fn count(&self, outcome: Outcome, reason: &'static str, count: u64) {
        let key = LedgerKey {
            tenant: TenantId::default(),
            signal: Signal::Logs,
            door: DOOR,
            outcome,
            reason,
        };
        self.ledger.add(key, count);
    }
}

#[cfg(test)]
mod tests;
