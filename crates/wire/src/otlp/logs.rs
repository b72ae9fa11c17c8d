//! Log requests to log entries, by Loki's mapping: some resource attributes name the stream, all
//! else is structured metadata (`pkg/loghttp/push/otlp.go`).

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use skopos_core::LabelsBuilder;
use skopos_core::log::{LogBatch, LogEntry, StreamBatch};

use super::attributes::{attributes, flatten, value, value_text};
use super::traces::{span_id, time_ns, trace_id};
use super::{Codec, OtlpError, Rejected, json};
use crate::loki::{LevelHints, detect_level, service_name};

/// Resource attributes that become stream labels, Loki's default list.
const STREAM_ATTRIBUTES: [&str; 18] = [
    "cloud.availability_zone",
    "cloud.region",
    "container.name",
    "deployment.environment",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.cronjob.name",
    "k8s.daemonset.name",
    "k8s.deployment.name",
    "k8s.job.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.replicaset.name",
    "k8s.statefulset.name",
    "service.instance.id",
    "service.name",
    "service.namespace",
];

/// Reads the body of a log export.
pub fn decode_logs(codec: Codec, body: &[u8]) -> Result<ExportLogsServiceRequest, OtlpError> {
    match codec {
        Codec::Json => json::logs(body),
        Codec::Protobuf => ExportLogsServiceRequest::decode(body).map_err(|error| OtlpError::Protobuf {
            message: "ExportLogsServiceRequest",
            reason: error.to_string(),
        }),
    }
}

/// The entries of a request. A record without any time gets `now_ns`; one with a time that does
/// not fit is rejected.
pub fn log_batch(request: ExportLogsServiceRequest, now_ns: i64) -> (LogBatch, Rejected) {
    let mut batch = LogBatch::default();
    let mut rejected = Rejected::default();
    for resource_logs in request.resource_logs {
        let stream = stream(resource_logs, now_ns, &mut rejected);
        if !stream.entries.is_empty() {
            batch.streams.push(stream);
        }
    }
    (batch, rejected)
}

fn stream(sent: ResourceLogs, now_ns: i64, rejected: &mut Rejected) -> StreamBatch {
    let (labels, resource_metadata) = split_resource(sent.resource.unwrap_or_default());
    let mut entries = Vec::new();
    for scope_logs in sent.scope_logs {
        let mut shared = resource_metadata.clone();
        add_scope(&mut shared, scope_logs.scope.unwrap_or_default());
        for record in scope_logs.log_records {
            match entry(record, &shared, now_ns) {
                Ok(entry) => entries.push(entry),
                Err(reason) => rejected.add(|| reason),
            }
        }
    }
    StreamBatch {
        labels: labels.build(),
        entries,
    }
}

fn split_resource(resource: Resource) -> (LabelsBuilder, LabelsBuilder) {
    let mut labels = LabelsBuilder::new();
    let mut metadata = LabelsBuilder::new();
    for (key, value) in attributes(resource.attributes) {
        let target = if STREAM_ATTRIBUTES.contains(&key.as_str()) {
            &mut labels
        } else {
            &mut metadata
        };
        flatten(&key, &value, &mut |name, text| {
            target.set(&name, &text);
        });
    }
    if labels.get("service_name").is_empty() {
        let name = service_name(|candidate| labels.get(candidate)).to_owned();
        labels.set("service_name", &name);
    }
    set_count(
        &mut metadata,
        "resource_dropped_attributes_count",
        resource.dropped_attributes_count,
    );
    (labels, metadata)
}

fn add_scope(metadata: &mut LabelsBuilder, scope: InstrumentationScope) {
    for (key, value) in attributes(scope.attributes) {
        flatten(&key, &value, &mut |name, text| {
            metadata.set(&name, &text);
        });
    }
    set_text(metadata, "scope_name", &scope.name);
    set_text(metadata, "scope_version", &scope.version);
    set_count(
        metadata,
        "scope_dropped_attributes_count",
        scope.dropped_attributes_count,
    );
}

fn entry(record: LogRecord, shared: &LabelsBuilder, now_ns: i64) -> Result<LogEntry, String> {
    let timestamp_ns = match (record.time_unix_nano, record.observed_time_unix_nano) {
        (0, 0) => now_ns,
        (0, observed) => fitting(observed)?,
        (time, _) => fitting(time)?,
    };
    let line = record
        .body
        .map_or_else(String::new, |body| value_text(&value(Some(body))));
    let mut metadata = shared.clone();
    for (key, value) in attributes(record.attributes) {
        flatten(&key, &value, &mut |name, text| {
            metadata.set(&name, &text);
        });
    }
    if record.time_unix_nano != 0 && record.observed_time_unix_nano != 0 {
        metadata.set("observed_timestamp", &record.observed_time_unix_nano.to_string());
    }
    if record.severity_number != 0 {
        metadata.set("severity_number", &record.severity_number.to_string());
    }
    set_text(&mut metadata, "severity_text", &record.severity_text);
    set_text(&mut metadata, "event_name", &record.event_name);
    set_count(
        &mut metadata,
        "dropped_attributes_count",
        record.dropped_attributes_count,
    );
    set_count(&mut metadata, "flags", record.flags);
    if let Some(id) = trace_id(&record.trace_id) {
        metadata.set("trace_id", &id.to_string());
    }
    if let Some(id) = span_id(&record.span_id) {
        metadata.set("span_id", &id.to_string());
    }
    let level = detect_level(&line, &LevelHints::new(|_| "", |name| metadata.get(name))).into_owned();
    metadata.set("detected_level", &level);
    Ok(LogEntry {
        timestamp_ns,
        line,
        structured_metadata: metadata.build(),
    })
}

fn fitting(unix_nano: u64) -> Result<i64, String> {
    time_ns(unix_nano).ok_or_else(|| format!("log record has the time {unix_nano} ns, which is after the year 2262"))
}

fn set_text(metadata: &mut LabelsBuilder, name: &str, text: &str) {
    if !text.is_empty() {
        metadata.set(name, text);
    }
}

fn set_count(metadata: &mut LabelsBuilder, name: &str, count: u32) {
    if count != 0 {
        metadata.set(name, &count.to_string());
    }
}
