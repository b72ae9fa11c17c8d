//! Lines of every kind through the collector, a few bytes at a time.

use parking_lot::Mutex;
use skopos_core::WriteError;
use skopos_core::metric::AppendReport;

use super::*;

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<LogEntry>>);

impl LogSink for Kept {
    fn append(&self, batch: LogBatch) -> Result<AppendReport, WriteError> {
        let entries: Vec<LogEntry> = batch.streams.into_iter().flat_map(|stream| stream.entries).collect();
        let stored = entries.len() as u64;
        self.0.lock().extend(entries);
        Ok(AppendReport {
            stored,
            ..AppendReport::default()
        })
    }
}

/// Gives a few bytes at a time, as a pipe may.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.0.len()).min(7);
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn collected(pipe: impl Read) -> (Vec<LogEntry>, Vec<(LedgerKey, u64)>) {
    let kept = Arc::new(Kept::default());
    let door = LogDoor {
        sink: Arc::clone(&kept) as _,
        ledger: Arc::default(),
    };
    collect(pipe, &Labels::from_pairs([("job", "gateway")]), &door);
    let entries = std::mem::take(&mut *kept.0.lock());
    (entries, door.ledger.snapshot())
}

#[test]
fn json_lines_tell_time_level_and_span() {
    let text = r#"{"timestamp":"2026-01-02T03:04:05.000000006Z","level":"WARN","message":"slow","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}
"#;
    let (entries, ledger) = collected(Dribble(text.as_bytes()));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].timestamp_ns, 1_767_323_045_000_000_006);
    assert_eq!(entries[0].line, text.trim_end());
    let expected = [
        ("detected_level", "warn"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("span_id", "b7ad6b7169203331"),
    ];
    assert_eq!(entries[0].structured_metadata, Labels::from_pairs(expected));
    assert_eq!(ledger.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

#[test]
fn other_lines_are_kept_as_they_are() {
    let text = b"plain words\r\n\n{\"level\": broken\nthread panicked: error \xff\nno end";
    let (entries, _) = collected(Dribble(text));
    let lines: Vec<&str> = entries.iter().map(|entry| entry.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "plain words",
            "{\"level\": broken",
            "thread panicked: error \u{fffd}",
            "no end"
        ]
    );
    assert_eq!(entries[2].structured_metadata.get("detected_level"), "error");
}

#[test]
fn long_lines_are_cut_and_counted() {
    let mut text = vec![b'x'; MAX_LINE_BYTES + 10];
    text.extend_from_slice(b"\nnext\n");
    let (entries, ledger) = collected(text.as_slice());
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].line.len(), MAX_LINE_BYTES);
    assert_eq!(entries[1].line, "next");
    let cut = ledger.iter().find(|(key, _)| key.reason == "line_cut");
    assert_eq!(cut.map(|(_, count)| *count), Some(1));
}
