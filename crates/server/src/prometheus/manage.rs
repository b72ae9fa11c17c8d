//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, `/metrics`, and the admin API, which is off.

use std::fmt::Write;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use prometheus::{Encoder, TextEncoder};

use super::envelope::{ApiError, ErrorType};
use crate::options::Lifecycle;
use crate::router::{App, Shared};
use crate::text;

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
const LIFECYCLE_OFF: &str = "Lifecycle API is not enabled.";

/// Whether the process lives.
pub(crate) async fn healthy() -> Response {
    text::text(StatusCode::OK, "Prometheus Server is Healthy.\n")
}

/// Whether requests can be answered.
pub(crate) async fn ready(State(app): State<Shared>) -> Response {
    if app.state.readiness.is_ready() {
        text::text(StatusCode::OK, "Prometheus Server is Ready.\n")
    } else {
        text::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable\n")
    }
}

/// Reloads the configuration.
pub(crate) async fn reload(State(app): State<Shared>) -> Response {
    if app.state.options.lifecycle == Lifecycle::Disabled {
        return text::text(StatusCode::FORBIDDEN, LIFECYCLE_OFF);
    }
    let worker = std::sync::Arc::clone(&app);
    let failure = match app.queries.run(move || worker.state.reloader.reload()).await {
        Ok(Ok(())) => return text::text(StatusCode::OK, ""),
        Ok(Err(reason)) => reason,
        Err(error) => error.to_string(),
    };
    text::text(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("failed to reload config: {failure}\n"),
    )
}

/// Stopping over HTTP is not offered: signals do that.
pub(crate) async fn quit(State(app): State<Shared>) -> Response {
    match app.state.options.lifecycle {
        Lifecycle::Disabled => text::text(StatusCode::FORBIDDEN, LIFECYCLE_OFF),
        Lifecycle::Enabled => text::text(
            StatusCode::FORBIDDEN,
            "Stopping over HTTP is not offered: send the process SIGTERM.\n",
        ),
    }
}

/// The admin API is not offered.
pub(crate) async fn admin_disabled() -> ApiError {
    ApiError::new(ErrorType::Unavailable, "admin APIs disabled")
}

/// Our own metrics: the default registry and the ledger.
pub(crate) async fn metrics(State(app): State<Shared>) -> Response {
    let mut out = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&prometheus::gather(), &mut out) {
        return text::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to encode own metrics: {error}\n"),
        );
    }
    out.extend_from_slice(ledger_exposition(&app).as_bytes());
    text::with_type(StatusCode::OK, EXPOSITION, out)
}

fn ledger_exposition(app: &App) -> String {
    let mut out = String::from(
        "# HELP skopos_ledger_items_total Items that came in, by what became of them.\n\
         # TYPE skopos_ledger_items_total counter\n",
    );
    for (key, count) in app.state.ledger.snapshot() {
        let (tenant, signal, door) = (key.tenant.as_str(), key.signal.as_str(), key.door);
        let (outcome, reason) = (key.outcome.as_str(), key.reason);
        writeln!(
            out,
            "skopos_ledger_items_total{{tenant=\"{tenant}\",signal=\"{signal}\",door=\"{door}\",\
             outcome=\"{outcome}\",reason=\"{reason}\"}} {count}"
        )
        .expect("writing to memory cannot fail");
    }
    out
}
