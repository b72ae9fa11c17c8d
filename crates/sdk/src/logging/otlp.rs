//! Events as log records of OpenTelemetry, with the identity of the active span; for those who collect over OTLP.
//!
//! The message is the body, fields are attributes, and the ids of the [request](crate::context) come along. What the PII
//! filter takes out of log lines it takes out here. Does not filter by level: the subscriber does.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use opentelemetry::Key;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, Severity};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger};
use skopos_pii::{Profile, ServiceFilter};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::fields::{cut, stack};
use crate::context::RequestContext;

/// The layer that makes the records.
#[derive(Debug)]
pub(crate) struct RecordLayer {
    logger: SdkLogger,
    filter: Option<ServiceFilter>,
}

impl RecordLayer {
    pub(crate) fn new(logger: SdkLogger, profile: Option<Profile>) -> Self {
        Self {
            logger,
            filter: profile.map(ServiceFilter::new),
        }
    }
}

impl<S: Subscriber> Layer<S> for RecordLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut record = self.logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        record.set_target(metadata.target());
        let mut fields = RecordFields {
            record,
            filter: self.filter.as_ref(),
            level: *metadata.level(),
        };
        if let Some(file) = metadata.file() {
            fields.record.add_attribute("code.file.path", file);
        }
        if let Some(line) = metadata.line() {
            fields.record.add_attribute("code.line.number", i64::from(line));
        }
        RequestContext::with_current(|context| {
            for (name, id) in context.ids() {
                // A field of the event's own of the same name takes precedence.
                if let Some(id) = id
                    && metadata.fields().field(name).is_none()
                {
                    fields.add(name, id.into());
                }
            }
        });
        event.record(&mut fields);
        self.logger.emit(fields.record);
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// Visits the fields of one event.
struct RecordFields<'a> {
    record: SdkLogRecord,
    filter: Option<&'a ServiceFilter>,
    level: Level,
}

impl RecordFields<'_> {
    fn add(&mut self, name: &'static str, mut value: serde_json::Value) {
        if let Some(filter) = self.filter {
            filter.scrub_member(name, &mut value);
        }
        let value = any_value(value);
        match name {
            "message" => self.record.set_body(value),
            // The semantic conventions have a name for the field of the macros of `log`.
            "function" => self.record.add_attribute("code.function.name", value),
            _ => self.record.add_attribute(Key::from_static_str(name), value),
        }
    }
}

fn any_value(value: serde_json::Value) -> AnyValue {
    match value {
        serde_json::Value::Bool(value) => AnyValue::Boolean(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => AnyValue::Int(value),
            (None, Some(value)) => AnyValue::Double(value),
            (None, None) => AnyValue::String(number.to_string().into()),
        },
        serde_json::Value::String(text) => AnyValue::String(text.into()),
        other => AnyValue::String(other.to_string().into()),
    }
}

impl Visit for RecordFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity; its name is as good.
        let number = serde_json::Number::from_f64(value);
        self.add(
            field.name(),
            number.map_or_else(|| value.to_string().into(), serde_json::Value::Number),
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), cut(value).into());
    }

    /// The semantic conventions have names for the error of an event.
    fn record_error(&mut self, _: &Field, error: &(dyn Error + 'static)) {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause.filter(|_| message.len() < super::fields::MAX_VALUE_BYTES) {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        self.add("exception.message", cut(&message).into());
        if let Some(stack) = stack(error, self.level) {
            self.add("exception.stacktrace", cut(&stack).into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), cut(&format!("{value:?}")).into());
    }
}
