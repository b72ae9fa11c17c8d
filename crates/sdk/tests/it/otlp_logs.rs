//! Log records over OTLP: what they hold, what the filter takes out of them, and what becomes of them without a back end.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use skopos_sdk::Observability;
use skopos_sdk::context::RequestContext;

use crate::collector::Collector;
use crate::support::{NOBODY, set_up, value, wait_until};

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(is_so)) => is_so.to_string(),
        other => format!("{other:?}"),
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<&str, String> {
    pairs
        .iter()
        .map(|pair| (pair.key.as_str(), text(pair.value.as_ref())))
        .collect()
}

/// Runs the code with a set-up that sends records over HTTP; its records, and the lines of the console.
fn records(vars: &[(&str, &str)], work: impl FnOnce(&Observability)) -> (Vec<LogRecord>, String) {
    let collector = Collector::http();
    let endpoint = format!("http://{}", collector.address);
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ];
    let vars: Vec<(&str, &str)> = own.iter().chain(vars).copied().collect();
    let (observability, lines) = set_up(&vars);
    tracing::dispatcher::with_default(observability.dispatch(), || work(&observability));
    observability.flush();
    let bodies = collector.received().into_iter().filter(|(path, ..)| path == "/v1/logs");
    let mut records = Vec::new();
    for (_, _, body) in bodies {
        let request = ExportLogsServiceRequest::decode(body).expect("protobuf");
        for of_resource in request.resource_logs {
            let resource = of_resource.resource.unwrap_or_default();
            assert_eq!(attributes(&resource.attributes)["service.name"], "shop");
            records.extend(of_resource.scope_logs.into_iter().flat_map(|scope| scope.log_records));
        }
    }
    let exported = value(&observability.render_metrics(), "otel_logs_exported_total");
    assert_eq!(exported, records.len() as f64);
    let lines = lines.lock().expect("no panic while held").clone();
    (records, lines)
}

#[test]
fn a_record_holds_the_event_its_span_and_its_request() {
    let context = RequestContext {
        tenant_id: Some("acme".to_owned()),
        ..RequestContext::generate()
    };
    let (records, lines) = records(
        &[("OTEL_LOGS_EXPORTER", "otlp,console"), ("TRACE_SAMPLE_RATE", "1")],
        |_| {
            context.sync_scope(|| {
                tracing::info_span!("charge").in_scope(|| {
                    let error = std::io::Error::other("the bank is closed");
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(attempt = 3, ratio = 0.5, is_last = true, error, "invoice not sent");
                    tracing::debug!("below the level");
                });
            });
        },
    );
    let [record] = &records[..] else {
        panic!("one record: {records:?}")
    };
    assert_eq!(text(record.body.as_ref()), "invoice not sent");
    assert_eq!((record.severity_text.as_str(), record.severity_number), ("WARN", 13));
    let attributes = attributes(&record.attributes);
    for (key, expected) in [
        ("attempt", "3"),
        ("ratio", "0.5"),
        ("is_last", "true"),
        ("tenant_id", "acme"),
        ("exception.message", "the bank is closed"),
        ("code.file.path", file!()),
    ] {
        assert_eq!(attributes.get(key).map(String::as_str), Some(expected), "{key}");
    }
    assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano > 0);
    let line: serde_json::Value = serde_json::from_str(lines.trim_end()).expect("one line");
    let trace_id = u128::from_be_bytes(record.trace_id[..].try_into().expect("16 bytes"));
    let span_id = u64::from_be_bytes(record.span_id[..].try_into().expect("8 bytes"));
    assert_eq!(line["trace_id"], format!("{trace_id:032x}"));
    assert_eq!(line["span_id"], format!("{span_id:016x}"));
}

#[test]
fn without_the_console_there_are_no_lines_and_secrets_stay_out_of_records() {
    let (records, lines) = records(&[("OTEL_LOGS_EXPORTER", "otlp"), ("PII_FILTER", "strict")], |_| {
        tracing::error!(
            password = "zq1",
            body = r#"{"apiKey":"zq2"}"#,
            "call of https://x/?token=zq3 failed"
        );
    });
    assert_eq!((records.len(), lines.as_str()), (1, ""));
    let shown = format!("{records:?}");
    assert!(shown.contains("[REDACTED]") && !shown.contains("zq"), "{shown}");
}

#[test]
fn a_dead_back_end_costs_records_alone_and_all_are_accounted_for() {
    const EVENTS: usize = 500;
    let (observability, _) = set_up(&[
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{NOBODY}")),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "16"),
    ]);
    tracing::dispatcher::with_default(observability.dispatch(), || {
        for number in 0..EVENTS {
            tracing::info!(number, "an event");
        }
    });
    observability.flush();
    let dropped = || {
        let by = |reason: &str| {
            value(
                &observability.render_metrics(),
                &format!("otel_logs_dropped_total{{reason=\"{reason}\"}}"),
            )
        };
        by("queue_full") + by("export_failed")
    };
    wait_until("the account of all records", || dropped() >= EVENTS as f64);
    observability.shutdown();
}
