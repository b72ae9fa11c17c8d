//! `/api/skopos/remote-write`: how sending to outside stores fares.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::router::Shared;
use crate::views::RemoteWriteStatus;

pub(super) fn router() -> Router<Shared> {
    Router::new().route("/api/skopos/remote-write", get(show))
}

async fn show(State(app): State<Shared>) -> Response {
    let view = app.state.remote_write.as_ref();
    let remotes = view.map(|view| view.remotes()).unwrap_or_default();
    let remotes: Vec<Value> = remotes.iter().map(remote).collect();
    super::ok(&json!({ "remotes": remotes }))
}

fn remote(status: &RemoteWriteStatus) -> Value {
    json!({
        "name": status.name,
        "url": status.url,
        "message": status.message,
        "shards": status.shards,
        "desiredShards": status.desired_shards,
        "pending": status.pending,
        "behindSeconds": status.behind.as_secs_f64(),
        "backlogBytes": status.backlog_bytes,
        "sent": status.sent,
        "failed": status.failed,
        "dropped": status.dropped,
        "failing": status.is_failing,
        "lastSuccessMs": status.last_success_ms,
        "lastError": status.last_error.as_ref().map(|(at_ms, text)| json!({ "atMs": at_ms, "text": text })),
    })
}
