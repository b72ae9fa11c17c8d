//! Events as one JSON object a line, with the identity of the active span. Does not filter: the subscriber does.
//!
//! A line holds `timestamp`, `level`, `logger`, `message`, `module`, `function`, `line`, `service`, `trace_id`,
//! `span_id`, the ids of the [request](crate::context) and every field of the event; `exception` where the event carries an error
//! as a value, `{"message", "causes", "stacktrace"}`. Errors of Rust have causes and no stack, so `stacktrace` is there for a
//! panic, and at the level of errors where `RUST_BACKTRACE` asks for it: then it is that of the event.

use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::fields::{FieldWriter, write_json, write_text};
use crate::context::RequestContext;

mod fields;
mod otlp;
mod time;

pub(crate) use otlp::RecordLayer;

/// Where finished lines go, each with its line feed.
pub type LineSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Standard output. A reader that has gone away costs the line, not the service.
pub(crate) fn stdout() -> LineSink {
    Arc::new(|line| drop(std::io::stdout().lock().write_all(line)))
}

/// The layer that writes the lines.
pub(crate) struct JsonLayer {
    /// The member `,"service":"…"`, ready to copy.
    service: Vec<u8>,
    sink: LineSink,
}

impl fmt::Debug for JsonLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLayer")
            .field("service", &String::from_utf8_lossy(&self.service))
            .finish_non_exhaustive()
    }
}

impl JsonLayer {
    pub(crate) fn new(service: &str, sink: LineSink) -> Self {
        let mut member = Vec::new();
        write_text(&mut member, "service", service);
        Self { service: member, sink }
    }

    fn write<S>(&self, buffer: &mut Vec<u8>, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = event.metadata();
        buffer.clear();
        // The line's own names and levels need no escape, so they are copied.
        buffer.extend_from_slice(b"{\"timestamp\":\"");
        time::write_now(buffer);
        buffer.extend_from_slice(b"\",\"level\":\"");
        buffer.extend_from_slice(metadata.level().as_str().as_bytes());
        buffer.extend_from_slice(b"\",\"logger\":");
        write_json(buffer, metadata.target());
        buffer.extend_from_slice(&self.service);
        write_source(buffer, metadata, context.event_span(event).map(|span| span.metadata()));
        write_trace(buffer);
        write_request(buffer, metadata);
        let mut fields = FieldWriter::new(buffer, *metadata.level());
        event.record(&mut fields);
        fields.finish();
        buffer.extend_from_slice(b"}\n");
    }
}

impl<S> Layer<S> for JsonLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with(|cell| {
            if let Ok(mut buffer) = cell.try_borrow_mut() {
                self.write(&mut buffer, event, &context);
                (self.sink)(&buffer);
            } else {
                // A field's Display logs in turn: rare, so it pays for its own buffer.
                let mut buffer = Vec::new();
                self.write(&mut buffer, event, &context);
                (self.sink)(&buffer);
            }
        });
    }
}

/// Module and line of the event. The function is a field of events of [`crate::log`]; of others it is known where the
/// enclosing span bears its name, which is what `#[tracing::instrument]` does in the same module.
fn write_source(buffer: &mut Vec<u8>, event: &Metadata<'_>, span: Option<&Metadata<'_>>) {
    buffer.extend_from_slice(b",\"module\":");
    write_json(buffer, event.module_path().unwrap_or_default());
    if let Some(span) = span
        && span.module_path() == event.module_path()
        && span.name().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && event.fields().field("function").is_none()
    {
        write_text(buffer, "function", span.name());
    }
    if let Some(line) = event.line() {
        // A write into a Vec cannot fail.
        drop(write!(buffer, ",\"line\":{line}"));
    }
}

fn write_trace(buffer: &mut Vec<u8>) {
    opentelemetry::Context::map_current(|context| {
        if !context.has_active_span() {
            return;
        }
        let span = context.span();
        let span_context = span.span_context();
        if span_context.is_valid() {
            buffer.extend_from_slice(b",\"trace_id\":\"");
            write_hex(buffer, &span_context.trace_id().to_bytes());
            buffer.extend_from_slice(b"\",\"span_id\":\"");
            write_hex(buffer, &span_context.span_id().to_bytes());
            buffer.push(b'"');
        }
    });
}

fn write_hex(buffer: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    buffer.extend(bytes.iter().flat_map(digits));
}

/// The ids of the request that this task serves; a field of the event's own of the same name takes precedence.
fn write_request(buffer: &mut Vec<u8>, event: &Metadata<'_>) {
    RequestContext::with_current(|context| {
        for (name, id) in context.ids() {
            if let Some(id) = id
                && event.fields().field(name).is_none()
            {
                write_text(buffer, name, id);
            }
        }
    });
}

#[cfg(test)]
mod tests;
