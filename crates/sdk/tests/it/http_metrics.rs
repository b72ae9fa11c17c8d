//! The families of HTTP metric names, by setting, with the labels that the packs' rules select by.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use skopos_sdk::http_server::Tenant;
use skopos_sdk::{HttpOptions, Observability, TenantLabel};
use tower::ServiceExt;

use crate::support::{set_up, value};

fn serve(observability: &Observability, options: &HttpOptions, requests: Vec<Request<Body>>) -> String {
    let broken = || async { StatusCode::INTERNAL_SERVER_ERROR };
    let own = || async {
        let mut response: Response = "ok".into_response();
        response.extensions_mut().insert(Tenant("checked".to_owned()));
        response
    };
    let router = Router::new()
        .route("/orders/{id}", get(|| async { "an order" }))
        .route("/orders", post(broken))
        .route("/own", get(own))
        .route("/health", get(|| async { "up" }))
        .layer(observability.http_layer_with(options).expect("metrics register"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for request in requests {
            router.clone().oneshot(request).await.expect("infallible");
        }
    });
    observability.render_metrics()
}

fn get_request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).expect("a request")
}

fn requests() -> Vec<Request<Body>> {
    let post = Request::builder()
        .method("POST")
        .uri("/orders")
        .header("content-length", "5");
    vec![
        get_request("/orders/7"),
        get_request("/orders/8"),
        get_request("/health"),
        post.body(Body::from("hello")).expect("a request"),
    ]
}

/// The exposition after the requests with the given `HTTP_METRICS`.
fn exposition(sets: &str) -> String {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("HTTP_METRICS", sets)]);
    serve(&observability, &HttpOptions::default(), requests())
}

/// Sum of the series of a metric whose labels hold all of the given pairs.
fn sum(exposition: &str, metric: &str, labels: &[&str]) -> f64 {
    let series = exposition
        .lines()
        .filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
    series
        .filter(|rest| labels.iter().all(|label| rest.contains(label)))
        .filter_map(|rest| rest.rsplit_once("} ")?.1.parse::<f64>().ok())
        .sum()
}

#[test]
fn http_requests_total() {
    let text = exposition("http_requests_total");
    let served = sum(
        &text,
        "http_requests_total",
        &["method=\"GET\"", "endpoint=\"/orders/{id}\"", "status=\"200\""],
    );
    assert_eq!(served, 2.0);
    assert_eq!(sum(&text, "http_requests_total", &["status=\"500\""]), 1.0);
    assert_eq!(sum(&text, "http_request_duration_seconds_bucket", &["le=\"2.5\""]), 3.0);
    assert_eq!(sum(&text, "http_requests_active", &[]), 0.0);
    assert!(!text.contains("/health") && !text.contains("http_server_duration"));
}

#[test]
fn http_server_duration_milliseconds() {
    let text = exposition("http_server_duration_milliseconds");
    let labels = [
        "http_method=\"GET\"",
        "http_route=\"/orders/{id}\"",
        "http_status_code=\"200\"",
    ];
    assert_eq!(sum(&text, "http_server_duration_milliseconds_count", &labels), 2.0);
    let failed = ["http_status_code=\"500\"", "le=\"+Inf\""];
    assert_eq!(sum(&text, "http_server_duration_milliseconds_bucket", &failed), 1.0);
    for bound in ["250", "500", "1000"] {
        assert!(
            text.contains(&format!("le=\"{bound}\"")),
            "the packs' rules ask for {bound}"
        );
    }
    assert_eq!(sum(&text, "http_server_active_requests", &[]), 0.0);
    assert_eq!(
        sum(&text, "http_server_request_size_bytes_sum", &["http_method=\"POST\""]),
        5.0
    );
    let answer = "an order".len() as f64;
    assert_eq!(sum(&text, "http_server_response_size_bytes_sum", &labels), 2.0 * answer);
    assert!(!text.contains("http_requests_total"));
}

#[test]
fn semantic_conventions_and_arbitrage_together() {
    let text = exposition("http.server.request.duration,http.request.duration");
    let labels = [
        "http_request_method=\"GET\"",
        "http_route=\"/orders/{id}\"",
        "http_response_status_code=\"200\"",
    ];
    assert_eq!(sum(&text, "http_server_request_duration_seconds_count", &labels), 2.0);
    assert_eq!(
        sum(
            &text,
            "http_server_request_duration_seconds_count",
            &["error_type=\"500\""]
        ),
        1.0
    );
    let labels = ["method=\"GET\"", "route=\"/orders/{id}\"", "status=\"200\""];
    assert_eq!(sum(&text, "http_request_duration_milliseconds_count", &labels), 2.0);
    assert_eq!(sum(&text, "http_request_total", &labels), 2.0);
    assert!(text.contains("le=\"250\"") && text.contains("# TYPE http_request_total counter"));
}

#[test]
fn the_specification_opts_in_to_its_own_names() {
    let names = |opted: &str| {
        let (observability, _) = set_up(&[
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_SEMCONV_STABILITY_OPT_IN", opted),
        ]);
        let text = serve(&observability, &HttpOptions::default(), requests());
        ["http_requests_total", "http_server_request_duration_seconds"].map(|name| text.contains(name))
    };
    assert_eq!(names("http"), [false, true]);
    assert_eq!(names("database,http/dup"), [true, true]);
    assert_eq!(names("database"), [true, false]);
}

#[test]
fn tenants_are_a_label_where_asked_for() {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none")]);
    let options = HttpOptions {
        tenant: Some(TenantLabel::tenant_id()),
        ..HttpOptions::default()
    };
    let claimed = |path: &str| {
        let request = Request::builder().uri(path).header("x-tenant-id", "acme");
        request.body(Body::empty()).expect("a request")
    };
    let text = serve(
        &observability,
        &options,
        vec![claimed("/orders/1"), claimed("/own"), get_request("/orders/2")],
    );
    let total = |tenant: &str| sum(&text, "http_requests_total", &[&format!("tenant_id=\"{tenant}\"")]);
    // What the handler has checked counts before what the caller claims.
    assert_eq!((total("acme"), total("checked"), total("")), (1.0, 1.0, 1.0));
}

#[test]
fn strangers_make_no_series() {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none")]);
    let unknown = Request::builder()
        .method("BREW")
        .uri("/orders/1")
        .body(Body::empty())
        .expect("a request");
    let text = serve(&observability, &HttpOptions::default(), vec![unknown]);
    let series = "http_requests_total{endpoint=\"/orders/{id}\",method=\"_OTHER\",status=\"405\"}";
    assert_eq!(value(&text, series), 1.0);
}
