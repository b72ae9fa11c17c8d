//! Spans to a Datadog agent: `PUT /v0.4/traces` in MessagePack, one list of spans for each trace.
//!
//! The agent's names: a span's `name` is the kind of work, its `resource` what it was done on. Text goes to `meta`,
//! numbers to `metrics`; the upper half of a 128-bit trace id is the tag `_dd.p.tid`.
//! <https://docs.datadoghq.com/tracing/guide/send_traces_to_agent_by_api/>

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry::trace::{SpanKind, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use rmp::encode::{self, ValueWriteError};

use super::http::Client;
use super::text;
use crate::settings::Secret;

type Encoded = Result<(), ValueWriteError>;

/// Puts batches to the agent.
#[derive(Debug)]
pub(super) struct DatadogExporter {
    client: Client,
    url: String,
    api_key: Option<Secret>,
    process: Process,
}

/// The agent's unified tags.
#[derive(Debug)]
struct Process {
    service: String,
    meta: Vec<(String, String)>,
}

impl Process {
    fn of(resource: &Resource) -> Self {
        let mut process = Self {
            service: String::new(),
            meta: Vec::new(),
        };
        for (key, value) in resource {
            let name = match key.as_str() {
                "service.name" => {
                    process.service = value.to_string();
                    continue;
                }
                "service.version" => "version",
                "deployment.environment" => "env",
                other => other,
            };
            process.meta.push((name.to_owned(), value.to_string()));
        }
        process
    }
}

impl DatadogExporter {
    pub(super) fn new(client: Client, endpoint: &str, api_key: Option<Secret>, resource: &Resource) -> Self {
        Self {
            client,
            url: format!("{endpoint}/v0.4/traces"),
            api_key,
            process: Process::of(resource),
        }
    }
}

impl SpanExporter for DatadogExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let traces = by_trace(&batch);
        let body = encode_traces(&self.process, &traces)
            .map_err(|error| OTelSdkError::InternalFailure(format!("encode spans: {error}")))?;
        let mut headers = vec![
            ("content-type", "application/msgpack".to_owned()),
            ("x-datadog-trace-count", traces.len().to_string()),
            ("datadog-meta-lang", "rust".to_owned()),
        ];
        if let Some(key) = &self.api_key {
            headers.push(("dd-api-key", key.expose().to_owned()));
        }
        self.client.post(&self.url, &headers, body).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.process = Process::of(resource);
    }
}

fn by_trace(batch: &[SpanData]) -> Vec<Vec<&SpanData>> {
    let mut traces: BTreeMap<[u8; 16], Vec<&SpanData>> = BTreeMap::new();
    for span in batch {
        let id = span.span_context.trace_id().to_bytes();
        traces.entry(id).or_default().push(span);
    }
    traces.into_values().collect()
}

fn encode_traces(process: &Process, traces: &[Vec<&SpanData>]) -> Result<Vec<u8>, ValueWriteError> {
    let mut out = Vec::new();
    encode::write_array_len(&mut out, traces.len() as u32)?;
    for trace in traces {
        encode::write_array_len(&mut out, trace.len() as u32)?;
        for span in trace {
            write_span(&mut out, process, span)?;
        }
    }
    Ok(out)
}

fn write_span(out: &mut Vec<u8>, process: &Process, span: &SpanData) -> Encoded {
    let trace_id = span.span_context.trace_id();
    let start = span
        .start_time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
    encode::write_map_len(out, 12)?;
    write_text(out, "service", &process.service)?;
    write_text(out, "name", operation(span))?;
    write_text(out, "resource", &span.name)?;
    write_text(out, "type", kind(span))?;
    write_number(out, "trace_id", u128::from_be_bytes(trace_id.to_bytes()) as u64)?;
    write_number(
        out,
        "span_id",
        u64::from_be_bytes(span.span_context.span_id().to_bytes()),
    )?;
    write_number(out, "parent_id", u64::from_be_bytes(span.parent_span_id.to_bytes()))?;
    write_number(out, "start", start.as_nanos() as u64)?;
    write_number(out, "duration", duration.as_nanos() as u64)?;
    write_number(out, "error", u64::from(matches!(span.status, Status::Error { .. })))?;
    write_meta(out, process, span, trace_id)?;
    write_metrics(out, span)
}

fn operation(span: &SpanData) -> &'static str {
    let has = |key: &str| span.attributes.iter().any(|pair| pair.key.as_str() == key);
    match span.span_kind {
        SpanKind::Server if has("http.request.method") => "http.server.request",
        SpanKind::Client if has("http.request.method") => "http.client.request",
        SpanKind::Server => "server.request",
        SpanKind::Client if has("db.system.name") || has("db.system") => "db.query",
        SpanKind::Client => "client.request",
        SpanKind::Producer => "message.send",
        SpanKind::Consumer => "message.process",
        SpanKind::Internal => "internal",
    }
}

fn kind(span: &SpanData) -> &'static str {
    match operation(span) {
        "http.server.request" | "server.request" => "web",
        "http.client.request" | "client.request" => "http",
        "db.query" => "sql",
        "message.send" | "message.process" => "queue",
        _ => "custom",
    }
}

fn write_meta(out: &mut Vec<u8>, process: &Process, span: &SpanData, trace_id: TraceId) -> Encoded {
    let mut meta = process.meta.clone();
    meta.push((
        "_dd.p.tid".to_owned(),
        format!("{:016x}", (u128::from_be_bytes(trace_id.to_bytes()) >> 64) as u64),
    ));
    if let Status::Error { description } = &span.status
        && !description.is_empty()
    {
        meta.push(("error.message".to_owned(), description.to_string()));
    }
    let texts = span.attributes.iter().filter(|pair| number(pair).is_none());
    meta.extend(texts.map(|pair| (pair.key.to_string(), text(&pair.value))));
    encode::write_str(out, "meta")?;
    encode::write_map_len(out, meta.len() as u32)?;
    for (key, value) in &meta {
        write_text(out, key, value)?;
    }
    Ok(())
}

fn write_metrics(out: &mut Vec<u8>, span: &SpanData) -> Encoded {
    let numbers: Vec<(&str, f64)> = span.attributes.iter().filter_map(number).collect();
    encode::write_str(out, "metrics")?;
    encode::write_map_len(out, numbers.len() as u32 + 1)?;
    encode::write_str(out, "_sampling_priority_v1")?;
    encode::write_f64(out, f64::from(u8::from(span.span_context.is_sampled())))?;
    for (key, value) in numbers {
        encode::write_str(out, key)?;
        encode::write_f64(out, value)?;
    }
    Ok(())
}

fn number(pair: &KeyValue) -> Option<(&str, f64)> {
    match &pair.value {
        Value::I64(value) => Some((pair.key.as_str(), *value as f64)),
        Value::F64(value) => Some((pair.key.as_str(), *value)),
        _ => None,
    }
}

fn write_text(out: &mut Vec<u8>, key: &str, value: &str) -> Encoded {
    encode::write_str(out, key)?;
    encode::write_str(out, value)
}

fn write_number(out: &mut Vec<u8>, key: &str, value: u64) -> Encoded {
    encode::write_str(out, key)?;
    encode::write_uint(out, value).map(|_| ())
}

#[cfg(test)]
mod tests;
