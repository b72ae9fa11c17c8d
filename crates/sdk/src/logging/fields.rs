//! The fields of an event as JSON members, bounded in size, with errors unfolded into their chain.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::Level;
use tracing::field::{Field, Visit};

use crate::panic_hook::Panic;

/// Bytes of one text value; the rest is cut.
pub(super) const MAX_VALUE_BYTES: usize = 16 * 1024;
/// Bytes of all fields; one that does not fit any more is left out and counted in `fields_dropped`.
const MAX_FIELDS_BYTES: usize = 64 * 1024;
/// Causes of one error that are followed.
const MAX_CAUSES: usize = 16;
/// Names the line itself uses; a field of this name is written as `field.<name>`. `function` is not among them: the field
/// is that member.
const RESERVED: [&str; 10] = [
    "timestamp",
    "level",
    "logger",
    "message",
    "module",
    "line",
    "service",
    "trace_id",
    "span_id",
    "fields_dropped",
];

/// Writes `,"key":` (or `"key":` as the first member).
fn write_key(buffer: &mut Vec<u8>, key: &str) {
    if buffer.last() != Some(&b'{') {
        buffer.push(b',');
    }
    write_json(buffer, key);
    buffer.push(b':');
}

/// Writes a text member.
pub(super) fn write_text(buffer: &mut Vec<u8>, key: &str, value: &str) {
    write_key(buffer, key);
    write_json(buffer, value);
}

/// A text, cut at the bound of a value.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_VALUE_BYTES)]
}

/// Writes a text with its quotes and escapes, cut at the bound of a value.
pub(super) fn write_json(buffer: &mut Vec<u8>, text: &str) {
    let text = cut(text);
    // Most texts need no escape, and a copy is several times as fast as the serializer.
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'"');
    } else {
        serde_json::to_writer(buffer, text).expect("a string is written into memory");
    }
}

/// Visits the fields of one event.
pub(super) struct FieldWriter<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
    dropped: usize,
    has_message: bool,
    /// The first error of an event is its exception.
    has_exception: bool,
    level: Level,
}

impl<'a> FieldWriter<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>, level: Level) -> Self {
        let start = buffer.len();
        Self {
            buffer,
            start,
            dropped: 0,
            has_message: false,
            has_exception: false,
            level,
        }
    }

    /// Closes the object: the message is there always, and what was left out is told.
    pub(super) fn finish(self) {
        if !self.has_message {
            write_text(self.buffer, "message", "");
        }
        if self.dropped > 0 {
            write_key(self.buffer, "fields_dropped");
            drop(write!(self.buffer, "{}", self.dropped));
        }
    }

    /// Writes one member; one that would pass the bound is taken back and counted. The message always stays.
    fn member(&mut self, field: &Field, write_value: impl FnOnce(&mut Vec<u8>)) {
        let name = field.name();
        if name == "message" {
            self.has_message = true;
            write_key(self.buffer, name);
            write_value(self.buffer);
        } else if RESERVED.contains(&name) {
            self.bounded(&format!("field.{name}"), write_value);
        } else {
            self.bounded(name, write_value);
        }
    }

    fn bounded(&mut self, name: &str, write_value: impl FnOnce(&mut Vec<u8>)) {
        let before = self.buffer.len();
        write_key(self.buffer, name);
        write_value(self.buffer);
        if self.buffer.len() - self.start > MAX_FIELDS_BYTES {
            self.buffer.truncate(before);
            self.dropped += 1;
        }
    }

    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.member(field, |buffer| drop(write!(buffer, "{value}")));
    }
}

impl Visit for FieldWriter<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, value);
        } else {
            self.record_str(field, &value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |buffer| write_json(buffer, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let message = value.to_string();
        if field.name() != "exception" {
            self.record_str(field, &message);
        }
        if !std::mem::replace(&mut self.has_exception, true) {
            let stack = stack(value, self.level);
            self.bounded("exception", |buffer| {
                write_exception(buffer, &message, value, stack.as_deref());
            });
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        if write!(text, "{value:?}").is_err() {
            text.push_str("<its Debug failed>");
        }
        self.record_str(field, &text);
    }
}

/// An error as `{"message", "causes"}`, with the stack where there is one.
fn write_exception(buffer: &mut Vec<u8>, message: &str, error: &(dyn Error + 'static), stack: Option<&str>) {
    buffer.push(b'{');
    write_text(buffer, "message", message);
    write_key(buffer, "causes");
    buffer.push(b'[');
    for (index, cause) in causes(error).enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        write_json(buffer, &cause);
    }
    buffer.push(b']');
    if let Some(stack) = stack {
        write_text(buffer, "stacktrace", stack);
    }
    buffer.push(b'}');
}

/// The stack of a panic; of any other error that of the event, where its level is that of errors and `RUST_BACKTRACE` or
/// `RUST_LIB_BACKTRACE` asks for it. To resolve one takes milliseconds, too much for warnings on the way.
pub(super) fn stack(error: &(dyn Error + 'static), level: Level) -> Option<String> {
    if let Some(panic) = error.downcast_ref::<Panic>() {
        return Some(panic.stack.clone());
    }
    if level != Level::ERROR {
        return None;
    }
    let here = Backtrace::capture();
    (here.status() == BacktraceStatus::Captured).then(|| here.to_string())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = String> + use<'a> {
    std::iter::successors(error.source(), |&cause| cause.source())
        .take(MAX_CAUSES)
        .map(ToString::to_string)
}
