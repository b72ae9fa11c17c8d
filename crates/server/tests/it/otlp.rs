//! OTLP in protobuf, JSON and gRPC, found again through Jaeger's and Loki's APIs.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Answer, Harness};

fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_nanos() as u64
}

#[expect(clippy::unnecessary_wraps, reason = "the field that takes it is optional")]
fn resource(service: &str) -> Option<Resource> {
    let value = AnyValue {
        value: Some(any_value::Value::StringValue(service.to_owned())),
    };
    Some(Resource {
        attributes: vec![KeyValue {
            key: "service.name".to_owned(),
            value: Some(value),
            ..KeyValue::default()
        }],
        ..Resource::default()
    })
}

fn traces(service: &str, trace_id: u8) -> ExportTraceServiceRequest {
    let start = now_ns() - 1_000_000_000;
    let span = Span {
        trace_id: vec![trace_id; 16],
        span_id: vec![trace_id; 8],
        name: "GET /things".to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5_000_000,
        ..Span::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(service),
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn logs(service: &str, line: &str) -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: now_ns() - 1_000_000,
        severity_number: 17,
        trace_id: vec![7; 16],
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue(line.to_owned())),
        }),
        ..LogRecord::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(service),
            scope_logs: vec![ScopeLogs {
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

async fn services(harness: &Harness) -> serde_json::Value {
    harness.json("/jaeger/api/services", &[]).await["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_and_json_come_in_on_both_ports() {
    let harness = Harness::start().await;
    let both = [
        harness.url("/v1/traces"),
        format!("http://{}/v1/traces", harness.otlp_http),
    ];
    for (index, url) in both.iter().enumerate() {
        let body = traces(&format!("proto-{index}"), 1 + index as u8).encode_to_vec();
        let request = harness
            .client
            .post(url)
            .header("Content-Type", "application/x-protobuf");
        let answer = Answer::of(request.body(body)).await;
        assert_eq!((answer.status, answer.bytes.len()), (StatusCode::OK, 0), "{url}");
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": format!("json-{index}") } }] },
            "scopeSpans": [{ "spans": [{
                "traceId": format!("{:032x}", 100 + index), "spanId": "eee19b7ec3c1b174", "name": "op",
                "startTimeUnixNano": now_ns().to_string(), "endTimeUnixNano": now_ns().to_string(),
            }]}],
        }]});
        let answer = Answer::of(harness.client.post(url).json(&body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{}"), "{url}");
    }
    assert_eq!(
        services(&harness).await,
        json!(["json-0", "json-1", "proto-0", "proto-1"])
    );
    let only_otlp = format!("http://{}/api/v1/query", harness.otlp_http);
    assert_eq!(
        Answer::of(harness.client.get(only_otlp)).await.status,
        StatusCode::NOT_FOUND
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_takes_traces_logs_and_metrics() {
    let harness = Harness::start().await;
    let endpoint = format!("http://{}", harness.otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint.clone()).await.expect("connects");
    let answer = client.export(traces("grpc", 9)).await.expect("stored").into_inner();
    assert_eq!(answer.partial_success, None);
    assert_eq!(services(&harness).await, json!(["grpc"]));

    let mut client = LogsServiceClient::connect(endpoint.clone()).await.expect("connects");
    client.export(logs("grpc", "over grpc")).await.expect("stored");
    let query = [(
        "query",
        r#"{service_name="grpc"} | trace_id="07070707070707070707070707070707""#,
    )];
    let found = harness.json("/loki/api/v1/query_range", &query).await;
    assert_eq!(found["data"]["result"][0]["values"][0][1], "over grpc", "{found}");
    assert_eq!(
        found["data"]["result"][0]["stream"]["detected_level"], "error",
        "{found}"
    );

    let mut client = MetricsServiceClient::connect(endpoint).await.expect("connects");
    let answer = client.export(gauge()).await.expect("answered").into_inner();
    let partial = answer.partial_success.expect("a partial success");
    assert_eq!(partial.rejected_data_points, 1);
    assert!(
        partial.error_message.starts_with("1 no_value: "),
        "{}",
        partial.error_message
    );
    harness.stop().await;
}

/// A gauge of two points, one of which has no value.
fn gauge() -> ExportMetricsServiceRequest {
    let point = NumberDataPoint {
        time_unix_nano: now_ns(),
        value: Some(number_data_point::Value::AsInt(3)),
        ..NumberDataPoint::default()
    };
    let gauge = Gauge {
        data_points: vec![NumberDataPoint::default(), point],
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource("gauges"),
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![Metric {
                    name: "queue.depth".to_owned(),
                    data: Some(Data::Gauge(gauge)),
                    ..Metric::default()
                }],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lokis_door_takes_otlp_logs() {
    let harness = Harness::start().await;
    let request = harness
        .post("/otlp/v1/logs")
        .header("Content-Type", "application/x-protobuf")
        .body(logs("shipper", "hello").encode_to_vec());
    assert_eq!(Answer::of(request).await.status, StatusCode::NO_CONTENT);
    let found = harness
        .json("/loki/api/v1/query_range", &[("query", r#"{service_name="shipper"}"#)])
        .await;
    assert_eq!(found["data"]["result"][0]["values"][0][1], "hello", "{found}");
    let ledger = harness.json("/api/skopos/ledger", &[]).await;
    assert_eq!(ledger["entries"][0]["door"], "loki_otlp", "{ledger}");
    harness.stop().await;
}
