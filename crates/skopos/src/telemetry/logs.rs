//! A tracing layer that turns Skopos' own events into JSON lines of its own log store.
//!
//! Lines go through a bounded queue to one writer thread, so that no caller waits for the store.
//! Events of the writer thread itself are not collected: a failing store cannot feed itself.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use opentelemetry::trace::TraceContextExt as _;
use parking_lot::Mutex;
use skopos_core::log::{LogBatch, LogEntry, LogSink, StreamBatch};
use skopos_core::{Clock as _, Labels, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::SELF_NAME;

/// Lines that may wait for the writer.
const QUEUE_LINES: usize = 8192;
/// Most lines written to the store in one batch.
const BATCH_LINES: usize = 512;

thread_local! {
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

enum Message {
    Line(Box<LogEntry>),
    Connect(Arc<dyn LogSink>),
    Stop,
}

/// The collecting side.
#[derive(Debug)]
pub(super) struct StoreLayer {
    queue: Sender<Message>,
    dropped: Arc<AtomicU64>,
}

/// The writing side.
#[derive(Debug)]
pub(super) struct LogWriter {
    queue: Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Makes both sides and starts the writer thread.
pub(super) fn channel() -> (StoreLayer, LogWriter) {
    let (sender, receiver) = crossbeam_channel::bounded(QUEUE_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    let thread = std::thread::Builder::new()
        .name("self-logs".to_owned())
        .spawn(move || write_lines(&receiver, &counted))
        .ok();
    let layer = StoreLayer {
        queue: sender.clone(),
        dropped,
    };
    let writer = LogWriter {
        queue: sender,
        thread: Mutex::new(thread),
    };
    (layer, writer)
}

impl LogWriter {
    /// Writes the queued lines and all to come into `sink`.
    pub(super) fn connect(&self, sink: Arc<dyn LogSink>) {
        // The writer lives as long as this handle, so the queue is open.
        drop(self.queue.send(Message::Connect(sink)));
    }

    /// Writes what is queued and ends the writer.
    pub(super) fn shutdown(&self) {
        drop(self.queue.send(Message::Stop));
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}

impl<S: Subscriber> Layer<S> for StoreLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if IS_WRITER.get() {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Line(Box::new(entry(event)))) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn entry(event: &Event<'_>) -> LogEntry {
    let metadata = event.metadata();
    let timestamp_ns = SystemClock.now_ns();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let mut object = serde_json::Map::new();
    object.insert("timestamp".to_owned(), rfc3339(timestamp_ns).into());
    object.insert("level".to_owned(), level_name(*metadata.level()).into());
    object.insert("logger".to_owned(), metadata.target().into());
    object.insert("message".to_owned(), fields.message.into());
    object.insert("line".to_owned(), metadata.line().into());
    object.extend(fields.others);
    let mut pairs = vec![("detected_level".to_owned(), level_name(*metadata.level()).to_owned())];
    pairs.extend(trace_ids());
    for (name, id) in pairs.iter().skip(1) {
        object.insert(name.clone(), id.as_str().into());
    }
    LogEntry {
        timestamp_ns,
        line: serde_json::Value::Object(object).to_string(),
        structured_metadata: Labels::from_pairs(pairs),
    }
}

/// Trace and span id of the active span, where one is sampled.
fn trace_ids() -> Vec<(String, String)> {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    let context = tracing::Span::current().context();
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return Vec::new();
    }
    vec![
        ("trace_id".to_owned(), ids.trace_id().to_string()),
        ("span_id".to_owned(), ids.span_id().to_string()),
    ]
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn rfc3339(timestamp_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(timestamp_ns))
        .map_or_else(|_| timestamp_ns.to_string(), |time| time.to_string())
}

#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: serde_json::Map<String, serde_json::Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.put(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = String::new();
        if write!(text, "{value:?}").is_err() {
            text.push_str("<its Debug failed>");
        }
        self.record_str(field, &text);
    }
}

/// The writer: waits for a sink, then writes batches until told to stop.
fn write_lines(queue: &Receiver<Message>, dropped: &AtomicU64) {
    IS_WRITER.set(true);
    let labels = Labels::from_pairs([("job", SELF_NAME), ("service_name", SELF_NAME), ("system", SELF_NAME)]);
    let mut sink: Option<Arc<dyn LogSink>> = None;
    let mut waiting: Vec<LogEntry> = Vec::new();
    while let Ok(message) = queue.recv() {
        let mut stop = take(message, &mut sink, &mut waiting);
        while waiting.len() < BATCH_LINES && !stop {
            match queue.try_recv() {
                Ok(message) => stop = take(message, &mut sink, &mut waiting),
                Err(_) => break,
            }
        }
        waiting.truncate(QUEUE_LINES);
        if let Some(sink) = &sink {
            append(sink.as_ref(), &labels, &mut waiting, dropped);
        }
        if stop {
            return;
        }
    }
}

fn take(message: Message, sink: &mut Option<Arc<dyn LogSink>>, waiting: &mut Vec<LogEntry>) -> bool {
    match message {
        Message::Line(entry) => waiting.push(*entry),
        Message::Connect(new) => *sink = Some(new),
        Message::Stop => return true,
    }
    false
}

fn append(sink: &dyn LogSink, labels: &Labels, waiting: &mut Vec<LogEntry>, dropped: &AtomicU64) {
    let mut entries = std::mem::take(waiting);
    let lost = dropped.swap(0, Ordering::Relaxed);
    if lost > 0 {
        entries.push(lost_lines(lost));
    }
    if entries.is_empty() {
        return;
    }
    let streams = vec![StreamBatch {
        labels: labels.clone(),
        entries,
    }];
    if let Err(error) = sink.append(LogBatch { streams }) {
        tracing::error!(%error, "failed to store own log lines");
    }
}

fn lost_lines(count: u64) -> LogEntry {
    LogEntry {
        timestamp_ns: SystemClock.now_ns(),
        line: serde_json::json!({"level": "warn", "message": "own log lines were dropped: the queue was full", "count": count}).to_string(),
        structured_metadata: Labels::from_pairs([("detected_level", "warn")]),
    }
}
