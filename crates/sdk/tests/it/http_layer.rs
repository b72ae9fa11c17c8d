//! The layer over a service that is not an axum handler.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::trace::InMemorySpanExporter;
use skopos_sdk::{ObservabilityBuilder, Settings};
use tower::{Layer, Service, ServiceExt};

use crate::support::{active_span, set_up, value};

/// Does its work when it is called, and only if it was asked before whether it is ready. A copy was not asked.
#[derive(Debug, Default)]
struct Eager {
    is_ready: bool,
    seen: Arc<Mutex<Vec<SpanContext>>>,
}

impl Clone for Eager {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            seen: Arc::clone(&self.seen),
        }
    }
}

impl Service<Request> for Eager {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being asked");
        self.seen.lock().expect("no panic while held").push(active_span());
        ready(Ok(Response::default()))
    }
}

const COUNTED: &str = "http_requests_total{endpoint=\"unmatched\",method=\"GET\",status=";

#[tokio::test]
async fn what_a_service_does_when_it_is_called_is_within_the_span() {
    for rate in ["0", "1"] {
        let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", rate)]);
        let _guard = tracing::dispatcher::set_default(observability.dispatch());
        let eager = Eager::default();
        let layer = observability.http_layer().expect("metrics register");
        let mut service = layer.layer(eager.clone());
        for _ in 0..2 {
            let ready = service.ready().await.expect("infallible");
            ready.call(Request::new(Body::empty())).await.expect("infallible");
        }
        let seen = eager.seen.lock().expect("no panic while held").clone();
        assert!(
            seen.iter()
                .all(|span| span.is_valid() && span.is_sampled() == (rate == "1"))
        );
        assert_ne!(seen[0].trace_id(), seen[1].trace_id());
        assert!(!active_span().is_valid(), "nothing stays active");
        assert_eq!(
            value(&observability.render_metrics(), &format!("{COUNTED}\"200\"}}")),
            2.0
        );
    }
}

#[tokio::test]
async fn a_request_whose_caller_goes_before_it_is_served_is_counted_and_not_served() {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none")]);
    let _guard = tracing::dispatcher::set_default(observability.dispatch());
    let eager = Eager::default();
    let layer = observability.http_layer().expect("metrics register");
    let mut service = layer.layer(eager.clone());
    let ready = service.ready().await.expect("infallible");
    drop(ready.call(Request::new(Body::empty())));
    assert!(eager.seen.lock().expect("no panic while held").is_empty());
    assert_eq!(
        value(&observability.render_metrics(), &format!("{COUNTED}\"499\"}}")),
        1.0
    );
    assert_eq!(
        value(&observability.render_metrics(), "http_requests_active{method=\"GET\"}"),
        0.0
    );
}

#[tokio::test]
async fn the_status_of_a_span_is_a_number() {
    let settings = Settings::from_lookup("shop", "1.0", |name| {
        (name == "TRACE_SAMPLE_RATE").then(|| "1".to_owned())
    });
    let spans = InMemorySpanExporter::default();
    let observability = ObservabilityBuilder::new(settings.expect("valid settings"))
        .span_exporter(spans.clone())
        .build()
        .expect("builds");
    let _guard = tracing::dispatcher::set_default(observability.dispatch());
    let layer = observability.http_layer().expect("metrics register");
    let service = layer.layer(Eager::default());
    service.oneshot(Request::new(Body::empty())).await.expect("infallible");
    observability.flush();
    let spans = spans.get_finished_spans().expect("no panic while held");
    let status = KeyValue::new("http.response.status_code", 200);
    assert!(spans[0].attributes.contains(&status), "{:?}", spans[0].attributes);
}
