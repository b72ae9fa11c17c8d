//! A server of plain hyper on a real socket: span, metrics and trace context as for a router of axum.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use skopos_sdk::context::RequestContextLayer;
use skopos_sdk::{HttpOptions, Observability, ObservabilityBuilder, Settings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::Layer;
use tracing::subscriber::DefaultGuard;

use crate::support::{active_span, value};

fn route_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    match (method, uri.path()) {
        (&Method::GET, path) if path.starts_with("/items/") => Some("/items/{id}"),
        (_, "/broken") => Some("/broken"),
        (_, "/panic") => Some("/panic"),
        (_, "/slow") => Some("/slow"),
        (_, "/health") => Some("/health"),
        _ => None,
    }
}

/// Says when it goes.
struct Told(UnboundedSender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.send("dropped").expect("the test listens");
    }
}

async fn answer(request: Request<Incoming>, told: UnboundedSender<&'static str>) -> io::Result<Response<Full<Bytes>>> {
    let answer = |text: String| Response::new(Full::from(text));
    match request.uri().path() {
        "/items/7" => Ok(answer(active_span().trace_id().to_string())),
        "/health" => Ok(answer(String::new())),
        "/broken" => Err(io::Error::other("the disk is gone")),
        "/panic" => panic!("on purpose"),
        "/slow" => {
            let _told = Told(told.clone());
            told.send("started").expect("the test listens");
            std::future::pending().await
        }
        _ => {
            let mut unknown = answer(String::new());
            *unknown.status_mut() = StatusCode::NOT_FOUND;
            Ok(unknown)
        }
    }
}

struct Server {
    observability: Observability,
    spans: InMemorySpanExporter,
    address: SocketAddr,
    told: UnboundedReceiver<&'static str>,
    _guard: DefaultGuard,
}

impl Server {
    /// Serves on this thread, so that its subscriber sees it.
    async fn start() -> Self {
        opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
        let settings = Settings::from_lookup("shop", "1.0", |name| {
            (name == "TRACE_SAMPLE_RATE").then(|| "1".to_owned())
        });
        let spans = InMemorySpanExporter::default();
        let observability = ObservabilityBuilder::new(settings.expect("valid settings"))
            .span_exporter(spans.clone())
            .build()
            .expect("builds");
        let guard = tracing::dispatcher::set_default(observability.dispatch());
        let options = HttpOptions {
            route_of: Some(route_of),
            ..HttpOptions::default()
        };
        let layer = observability.http_layer_with(&options).expect("metrics register");
        let (tell, told) = unbounded_channel();
        let service = tower::service_fn(move |request| answer(request, tell.clone()));
        let service = TowerToHyperService::new(layer.layer(RequestContextLayer.layer(service)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    server.serve_connection(TokioIo::new(socket), service).await
                });
            }
        });
        Self {
            observability,
            spans,
            address,
            told,
            _guard: guard,
        }
    }

    async fn connect(&self) -> http1::SendRequest<Empty<Bytes>> {
        let socket = TcpStream::connect(self.address).await.expect("connects");
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.expect("hyper");
        tokio::spawn(connection);
        sender
    }

    async fn get(&self, path: &str) -> hyper::Result<Response<Incoming>> {
        self.connect().await.send_request(request(path)).await
    }

    fn counted(&self, endpoint: &str, status: u16) -> f64 {
        let series = format!("http_requests_total{{endpoint=\"{endpoint}\",method=\"GET\",status=\"{status}\"}}");
        value(&self.observability.render_metrics(), &series)
    }

    fn finished(&self) -> Vec<SpanData> {
        self.observability.flush();
        self.spans.get_finished_spans().expect("no panic while held")
    }
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    let request = Request::get(path)
        .header("host", "shop")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    request.body(Empty::new()).expect("a request")
}

#[tokio::test]
async fn a_request_is_told_by_its_route_and_continues_the_callers_trace() {
    let server = Server::start().await;
    let response = server.get("/items/7").await.expect("answered");
    assert!(response.headers().contains_key("x-request-id"));
    let body = response.into_body().collect().await.expect("read").to_bytes();
    assert_eq!(body, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(server.counted("/items/{id}", 200), 1.0);
    let spans = server.finished();
    let [span] = &spans[..] else {
        panic!("one span: {spans:?}")
    };
    assert_eq!(
        (span.name.as_ref(), &span.span_kind),
        ("GET /items/{id}", &SpanKind::Server)
    );
    assert_eq!(
        span.span_context.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    for attribute in [
        KeyValue::new("http.route", "/items/{id}"),
        KeyValue::new("url.path", "/items/7"),
        KeyValue::new("http.response.status_code", 200),
    ] {
        assert!(
            span.attributes.contains(&attribute),
            "{attribute:?}: {:?}",
            span.attributes
        );
    }
}

#[tokio::test]
async fn a_path_without_a_route_is_no_label_and_an_ignored_route_is_not_told() {
    let server = Server::start().await;
    for path in ["/.env", "/wp-login.php", "/health"] {
        server.get(path).await.expect("answered");
    }
    assert_eq!(server.counted("unmatched", 404), 2.0);
    let text = server.observability.render_metrics();
    assert!(!text.contains("wp-login") && !text.contains("/health"), "{text}");
    let names: Vec<_> = server.finished().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET unmatched", "GET unmatched"]);
}

#[tokio::test]
async fn a_service_that_fails_or_panics_is_an_error_though_no_status_is_sent() {
    let server = Server::start().await;
    for (path, message) in [("/broken", "the disk is gone"), ("/panic", "panicked")] {
        server.get(path).await.expect_err("the connection is closed");
        assert_eq!(server.counted(path, 500), 1.0, "{path}");
        let span = server.finished().pop().expect("a span");
        assert_eq!(span.name, format!("GET {path}"));
        assert!(matches!(span.status, Status::Error { .. }), "{:?}", span.status);
        let message = KeyValue::new("error.message", message);
        assert!(span.attributes.contains(&message), "{:?}", span.attributes);
    }
    let active = value(
        &server.observability.render_metrics(),
        "http_requests_active{method=\"GET\"}",
    );
    assert_eq!(active, 0.0);
}

#[tokio::test]
async fn a_caller_that_goes_away_is_counted() {
    let mut server = Server::start().await;
    let mut sender = server.connect().await;
    let answer = tokio::spawn(sender.send_request(request("/slow")));
    assert_eq!(server.told.recv().await, Some("started"));
    answer.abort();
    drop(sender);
    assert_eq!(server.told.recv().await, Some("dropped"));
    assert_eq!(server.counted("/slow", 499), 1.0);
    assert_eq!(server.finished()[0].name, "GET /slow");
}
