//! An agent takes in metrics and sends them on: what it would have to store or evaluate for an answer is
//! refused, as Prometheus' agent does.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

use crate::prometheus::envelope::{ApiError, ErrorType};

/// Paths that an agent does not answer; those that end in a slash with everything below them.
const REFUSED: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/",
    "/api/v1/search/",
    "/api/v1/read",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    "/api/v1/status/tsdb",
    "/api/v1/admin/",
    "/federate",
    "/api/v2/",
    "/loki/",
    "/api/prom/",
    "/jaeger/",
    "/api/traces",
    "/v1/logs",
    "/v1/traces",
    "/opentelemetry.proto.collector.logs.v1.LogsService/",
    "/opentelemetry.proto.collector.trace.v1.TraceService/",
    "/jaeger.api_v2.CollectorService/",
    "/api/skopos/explain",
    "/api/skopos/prove",
    "/api/skopos/dead",
    "/api/skopos/coverage",
    "/api/skopos/backtest",
];

/// How paths of gRPC services begin.
const GRPC_PACKAGES: [&str; 2] = ["/opentelemetry.", "/jaeger.api_v2."];

const TEXT: &str =
    "unavailable in agent mode: this server only sends metrics on; ask the store that its remote_write section names";

/// Puts the refusals before a router.
pub(crate) fn guard(router: Router) -> Router {
    router.layer(from_fn(refuse))
}

async fn refuse(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_refused(path) {
        return next.run(request).await;
    }
    if GRPC_PACKAGES.iter().any(|package| path.starts_with(package)) {
        return tonic::Status::unimplemented(TEXT).into_http::<axum::body::Body>();
    }
    ApiError::new(ErrorType::Execution, TEXT).into_response()
}

fn is_refused(path: &str) -> bool {
    REFUSED.iter().any(|refused| {
        if refused.ends_with('/') {
            path.starts_with(refused)
        } else {
            path == *refused
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sends_on_is_answered_and_what_stores_is_not() {
        for path in [
            "/api/v1/query",
            "/api/v1/label/job/values",
            "/loki/api/v1/push",
            "/v1/traces",
            "/api/traces",
            "/jaeger.api_v2.CollectorService/PostSpans",
            "/federate",
        ] {
            assert!(is_refused(path), "{path}");
        }
        for path in [
            "/api/v1/write",
            "/v1/metrics",
            "/api/v1/targets",
            "/-/ready",
            "/metrics",
            "/api/v1/metadata",
        ] {
            assert!(!is_refused(path), "{path}");
        }
    }
}
