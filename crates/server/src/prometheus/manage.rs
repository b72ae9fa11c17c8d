//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, `/metrics`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use prometheus::TextEncoder;
use skopos_core::ledger::Ledger;
use skopos_core::metric::MetricType;
use skopos_wire::exposition::TextWriter;

use crate::alertmanager::AlertmanagerHandle;
use crate::options::Lifecycle;
use crate::router::Shared;
use crate::skopos::dlq::DeadLettersView;
use crate::text;

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

/// Our own metrics.
pub(crate) async fn metrics(State(app): State<Shared>) -> Response {
    let page = own_metrics(
        &app.state.ledger,
        app.state.alertmanager.as_deref(),
        app.state.dead_letters.as_deref(),
    );
    text::with_type(StatusCode::OK, TextWriter::CONTENT_TYPE, page)
}

/// The process's own metrics as an exposition: the default registry, the ledger, the Alertmanager and the dead letters.
pub fn own_metrics(
    ledger: &Ledger,
    alertmanager: Option<&AlertmanagerHandle>,
    dead_letters: Option<&dyn DeadLettersView>,
) -> String {
    let mut families = prometheus::gather();
    families.extend(dead_letters.into_iter().flat_map(DeadLettersView::metrics));
    let mut out = String::new();
    if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut out) {
        tracing::error!(%error, "failed to encode own metrics");
    }
    out.push_str(&ledger_exposition(ledger));
    if let Some(handle) = alertmanager {
        out.push_str(&handle.metrics());
    }
    out
}

fn ledger_exposition(ledger: &Ledger) -> String {
    const NAME: &str = "skopos_ledger_items_total";
    let mut writer = TextWriter::new();
    let help = "Items that came in, by what became of them.";
    writer.family(NAME, MetricType::Counter, help);
    for (key, count) in ledger.snapshot() {
        let labels = [
            ("door", key.door),
            ("outcome", key.outcome.as_str()),
            ("reason", key.reason),
            ("signal", key.signal.as_str()),
            ("tenant", key.tenant.as_str()),
        ];
        writer.sample(NAME, labels, count as f64, None);
    }
    writer.finish()
}
