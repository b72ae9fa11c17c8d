//! The classic ports: of the programs whose APIs Skopos speaks, each with that API at its root, so that clients need
//! no other address.
//!
//! Left out is what no module here speaks: Tempo (3200) and Zipkin (9411).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use crate::router::{self, Shared};
use crate::time::rfc3339;
use crate::{alertmanager, jaeger, layers, loki, prometheus, text};

/// What a classic port serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassicApi {
    /// Alertmanager: API v2, health, reload and metrics.
    Alertmanager,
    /// Loki: push and query, readiness and metrics.
    Loki,
    /// Jaeger's query API, and the page.
    JaegerQuery,
    /// Jaeger's collector over HTTP: batches of Thrift.
    JaegerCollector,
    /// Jaeger's collector over gRPC.
    JaegerGrpc,
    /// Jaeger's admin port: health and metrics.
    JaegerAdmin,
}

/// A classic port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassicPort {
    /// What it serves.
    pub api: ClassicApi,
    /// Its name in settings, logs and metrics.
    pub name: &'static str,
    /// The port of old.
    pub port: u16,
    /// What it is for, in words.
    pub purpose: &'static str,
    /// The flag that gives it another address.
    pub flag: &'static str,
}

/// All classic ports.
pub const CLASSIC_PORTS: [ClassicPort; 6] = [
    ClassicPort {
        api: ClassicApi::Alertmanager,
        name: "alertmanager",
        port: 9093,
        purpose: "the API of Alertmanager",
        flag: "--compat-ports.alertmanager-address",
    },
    ClassicPort {
        api: ClassicApi::Loki,
        name: "loki",
        port: 3100,
        purpose: "the API of Loki",
        flag: "--compat-ports.loki-address",
    },
    ClassicPort {
        api: ClassicApi::JaegerQuery,
        name: "jaeger-query",
        port: 16686,
        purpose: "the query API and the page of Jaeger",
        flag: "--compat-ports.jaeger-query-address",
    },
    ClassicPort {
        api: ClassicApi::JaegerCollector,
        name: "jaeger-collector",
        port: 14268,
        purpose: "spans in Jaeger's thrift over HTTP",
        flag: "--compat-ports.jaeger-collector-address",
    },
    ClassicPort {
        api: ClassicApi::JaegerGrpc,
        name: "jaeger-grpc",
        port: 14250,
        purpose: "spans in Jaeger's protobuf over gRPC",
        flag: "--compat-ports.jaeger-grpc-address",
    },
    ClassicPort {
        api: ClassicApi::JaegerAdmin,
        name: "jaeger-admin",
        port: 14269,
        purpose: "health and metrics as Jaeger's admin port",
        flag: "--compat-ports.jaeger-admin-address",
    },
];

impl ClassicApi {
    /// Its line of [`CLASSIC_PORTS`].
    pub fn port(self) -> &'static ClassicPort {
        CLASSIC_PORTS
            .iter()
            .find(|port| port.api == self)
            .expect("each API has a line in the table: a test looks at all")
    }
}

/// Everything of a classic port.
pub(crate) fn router(app: &Shared, api: ClassicApi) -> Router {
    match api {
        ClassicApi::Alertmanager => match &app.state.alertmanager {
            Some(handle) => layers::watch(alertmanager::alertmanager_router(Arc::clone(handle), "")),
            None => finish(app, Router::new()),
        },
        ClassicApi::Loki => finish(app, loki::router().route("/metrics", get(prometheus::metrics))),
        ClassicApi::JaegerQuery => jaeger_query(app),
        ClassicApi::JaegerCollector => finish(app, jaeger::collector_router()),
        ClassicApi::JaegerGrpc => jaeger::collector_grpc(app),
        ClassicApi::JaegerAdmin => finish(
            app,
            Router::new()
                .route("/", get(jaeger_health))
                .route("/metrics", get(prometheus::metrics)),
        ),
    }
}

/// Jaeger's API; for a browser the page with all that it asks, opened where Jaeger's opens.
fn jaeger_query(app: &Shared) -> Router {
    let jaeger = jaeger::router_below("/api")
        .merge(jaeger::pages())
        .method_not_allowed_fallback(text::method_not_allowed);
    layers::wrap(
        jaeger.with_state(Arc::clone(app)),
        app.state.options.cors_origin.as_ref(),
    )
    .fallback_service(router::http(app))
}

fn finish(app: &Shared, router: Router<Shared>) -> Router {
    let router = router
        .fallback(|| async { text::not_found() })
        .method_not_allowed_fallback(text::method_not_allowed);
    layers::wrap(
        router.with_state(Arc::clone(app)),
        app.state.options.cors_origin.as_ref(),
    )
}

/// Health in the words of Jaeger's admin port.
async fn jaeger_health(State(app): State<Shared>) -> Response {
    let uptime_ms = app.state.clock.now_ms() - app.started_ms;
    let (code, status) = if app.state.readiness.is_ready() {
        (StatusCode::OK, "Server available")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Server not available")
    };
    let body = json!({
        "status": status,
        "upSince": rfc3339(Some(app.started_ms)),
        "uptime": format!("{}s", uptime_ms as f64 / 1000.0),
    });
    text::json(code, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_one_port_and_flag() {
        for port in CLASSIC_PORTS {
            assert_eq!(port.api.port(), &port);
            assert_eq!(port.flag, format!("--compat-ports.{}-address", port.name));
            assert_eq!(CLASSIC_PORTS.iter().filter(|other| other.port == port.port).count(), 1);
        }
    }
}
