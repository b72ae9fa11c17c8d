//! The ids arrive in handler, log, span and answer, and nothing unfit gets in.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor};
use tower::ServiceExt;
use tracing_subscriber::prelude::*;

use super::*;
use crate::logging::JsonLayer;

fn request(headers: &[(&str, &str)]) -> Request {
    let builder = headers
        .iter()
        .fold(Request::builder().uri("/"), |builder, (name, value)| {
            builder.header(*name, *value)
        });
    builder.body(Body::empty()).expect("valid")
}

async fn handler() -> String {
    tracing::info_span!("work").in_scope(|| tracing::info!("worked"));
    format!("{:?}", RequestContext::current())
}

fn router() -> Router {
    Router::new().route("/", get(handler)).layer(RequestContextLayer)
}

#[tokio::test]
async fn log_line_span_and_answer_bear_the_ids() {
    let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sink = Arc::clone(&lines);
    let logs = JsonLayer::new(
        "svc",
        Arc::new(move |line| sink.lock().expect("whole").extend_from_slice(line)),
    );
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(ContextProcessor(SimpleSpanProcessor::new(spans.clone())))
        .build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let response = {
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces).with(logs));
        let headers = [("x-request-id", "r-1"), ("x-tenant-id", "acme"), ("x-user-id", "u-7")];
        router().oneshot(request(&headers)).await.expect("infallible")
    };
    assert_eq!(response.headers()["x-request-id"], "r-1");
    let line = String::from_utf8(lines.lock().expect("whole").clone()).expect("UTF-8");
    let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON line");
    assert_eq!(
        (&line["request_id"], &line["tenant_id"], &line["user_id"]),
        (&"r-1".into(), &"acme".into(), &"u-7".into())
    );
    let spans = spans.get_finished_spans().expect("kept");
    let attributes: Vec<String> = spans[0]
        .attributes
        .iter()
        .filter(|a| a.key.as_str().ends_with("_id"))
        .map(|a| format!("{}={}", a.key, a.value))
        .collect();
    assert_eq!(attributes, ["request_id=r-1", "tenant_id=acme", "user_id=u-7"]);
}

#[tokio::test]
async fn a_missing_or_unfit_request_id_is_replaced() {
    let long = "x".repeat(MAX_ID_BYTES + 1);
    for sent in [None, Some(""), Some("two words"), Some(long.as_str())] {
        let headers: Vec<_> = sent.iter().map(|id| ("x-request-id", *id)).collect();
        let response = router().oneshot(request(&headers)).await.expect("infallible");
        let id = response.headers()["x-request-id"].to_str().expect("ASCII");
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{sent:?} -> {id}");
    }
}

#[tokio::test]
async fn an_events_own_field_wins_over_the_context() {
    let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sink = Arc::clone(&lines);
    let logs = JsonLayer::new(
        "svc",
        Arc::new(move |line| sink.lock().expect("whole").extend_from_slice(line)),
    );
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(logs));
    let context = RequestContext {
        user_id: Some("caller".into()),
        ..RequestContext::default()
    };
    context.sync_scope(|| tracing::info!(user_id = "other", "about someone else"));
    let line = String::from_utf8(lines.lock().expect("whole").clone()).expect("UTF-8");
    assert_eq!(line.matches("user_id").count(), 1, "{line}");
    assert!(line.contains(r#""user_id":"other""#), "{line}");
}

#[test]
fn headers_go_out_as_they_came_in() {
    let context = RequestContext {
        request_id: Some("r".into()),
        tenant_id: None,
        user_id: Some("u".into()),
    };
    let mut headers = HeaderMap::new();
    context.inject(&mut headers);
    assert_eq!(RequestContext::from_headers(&headers), context);
    assert_eq!(RequestContext::current(), None);
}
