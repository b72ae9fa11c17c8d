//! Requests to a real axum server: the trace arrives, answers and failures are told, tokens are not.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, Status};
use reqwest_middleware::ClientBuilder;
use skopos_sdk::client::ObserveRequests;

use super::recorded::{Recorded, attribute};

const DURATION: &str = "http_client_request_duration_seconds";

async fn traceparent(headers: HeaderMap) -> String {
    let header = headers.get("traceparent").and_then(|value| value.to_str().ok());
    header.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn requests_carry_the_trace_and_tell_their_end() {
    // The workspace's one provider; another test may have set it before.
    drop(rustls::crypto::ring::default_provider().install_default());
    let recorded = Recorded::start();
    let router = Router::new()
        .route("/trace", get(traceparent))
        .route("/full", get(async || StatusCode::TOO_MANY_REQUESTS));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    let client = ClientBuilder::new(plain.clone())
        .with(ObserveRequests::with_meter(&recorded.meter))
        .build();

    let url = format!("http://{address}");
    let answer = client
        .get(format!("{url}/trace?token=secret"))
        .send()
        .await
        .expect("answered");
    let arrived = answer.text().await.expect("read");
    let spans = recorded.spans();
    let span = &spans[0];
    let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(arrived, format!("00-{trace_id}-{span_id}-01"));
    assert_eq!((span.name.as_ref(), &span.span_kind), ("GET", &SpanKind::Client));
    assert_eq!(attribute(span, "url.full"), Some(format!("{url}/trace")));
    let status = KeyValue::new("http.response.status_code", 200);
    assert!(span.attributes.contains(&status), "{:?}", span.attributes);

    client.get(format!("{url}/full")).send().await.expect("answered");
    let nowhere = client.get("http://127.0.0.1:1/?token=secret").send().await;
    nowhere.expect_err("nobody listens");
    skopos_sdk::client::send(&plain, plain.get(format!("{url}/trace")))
        .await
        .expect("answered");
    let spans = recorded.spans();
    let ends: Vec<_> = spans.iter().map(|span| attribute(span, "error.type")).collect();
    assert_eq!(ends, [None, Some("429".into()), Some("connect".into()), None]);
    assert!(matches!(spans[1].status, Status::Error { .. }));
    assert_eq!(recorded.count(DURATION, &[("http_request_method", "GET")]), 3);
    assert_eq!(
        recorded.count(DURATION, &[("error_type", "429"), ("server_address", "127.0.0.1")]),
        1
    );
    assert!(!format!("{spans:?}").contains("secret"));
}
