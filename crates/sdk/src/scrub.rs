//! The PII filter over spans and log lines, where the settings ask for it (`PII_FILTER`).

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::Status;
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use skopos_pii::{Profile, ServiceFilter};

use crate::SetupError;
use crate::export::pass_on;
use crate::logging::LineSink;
use crate::settings::Variables;

/// Reads `PII_FILTER`: off, secrets or strict.
pub(crate) fn read(variables: &Variables<'_>) -> Result<Option<Profile>, SetupError> {
    let choices = [
        ("off", None),
        ("secrets", Some(Profile::Secrets)),
        ("strict", Some(Profile::Strict)),
    ];
    let choice = variables.choice("PII_FILTER", &choices, "off, secrets or strict")?;
    Ok(choice.flatten())
}

/// A sink that hands on each line without what had to go.
pub(crate) fn sink(sink: LineSink, profile: Option<Profile>) -> LineSink {
    let Some(profile) = profile else { return sink };
    let filter = ServiceFilter::new(profile);
    Arc::new(move |line| {
        let scrubbed = match serde_json::from_slice::<serde_json::Value>(line) {
            Ok(mut object) => {
                filter.scrub(&mut object);
                object.to_string()
            }
            Err(_) => filter.scrub_text(String::from_utf8_lossy(line).trim_end()).into_owned(),
        };
        sink(format!("{scrubbed}\n").as_bytes());
    })
}

/// Scrubs each span that ends before the inner processor sees it.
#[derive(Debug)]
pub(crate) struct ScrubSpans<P> {
    inner: P,
    filter: Option<ServiceFilter>,
}

impl<P> ScrubSpans<P> {
    pub(crate) fn new(inner: P, profile: Option<Profile>) -> Self {
        let filter = profile.map(ServiceFilter::new);
        Self { inner, filter }
    }
}

impl<P: SpanProcessor> SpanProcessor for ScrubSpans<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if let Some(filter) = &self.filter {
            scrub_span(filter, &mut span);
        }
        self.inner.on_end(span);
    }

    pass_on!(inner, force_flush);
}

fn scrub_span(filter: &ServiceFilter, span: &mut SpanData) {
    scrub_name(filter, &mut span.name);
    scrub_attributes(filter, &mut span.attributes);
    for event in &mut span.events.events {
        scrub_name(filter, &mut event.name);
        scrub_attributes(filter, &mut event.attributes);
    }
    for link in &mut span.links.links {
        scrub_attributes(filter, &mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        scrub_name(filter, description);
    }
}

fn scrub_name(filter: &ServiceFilter, name: &mut Cow<'static, str>) {
    if let Cow::Owned(changed) = filter.scrub_text(name) {
        *name = Cow::Owned(changed);
    }
}

fn scrub_attributes(filter: &ServiceFilter, attributes: &mut [KeyValue]) {
    for attribute in attributes {
        let before = as_json(&attribute.value);
        let mut after = before.clone();
        filter.scrub_member(attribute.key.as_str(), &mut after);
        if after != before {
            let text = after.as_str().map_or_else(|| after.to_string(), str::to_owned);
            attribute.value = Value::String(StringValue::from(text));
        }
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        Value::Array(opentelemetry::Array::String(values)) => values.iter().map(StringValue::as_str).collect(),
        other => other.to_string().into(),
    }
}
