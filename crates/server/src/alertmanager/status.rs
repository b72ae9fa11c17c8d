//! `/status`: version, configuration, and that there is no cluster.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Shared;
use super::encode::{self, time};
use crate::text;

/// The release whose API this is, for clients that choose by it.
const COMPATIBLE_WITH: &str = "0.34.0";
/// What built us, where Alertmanager names the version of Go.
const BUILT_WITH: &str = concat!("rust", env!("CARGO_PKG_RUST_VERSION"));

/// Facts about the process.
pub(super) async fn status(State(handle): State<Shared>) -> Response {
    let started_ms = handle.read(|machine, _| machine.started_ms());
    let build = &handle.build;
    let body = json!({
        "cluster": { "status": "disabled", "peers": [] },
        "config": { "original": &*handle.config_text() },
        "uptime": time(started_ms),
        "versionInfo": {
            "version": format!("{COMPATIBLE_WITH}+skopos.{}", build.version),
            "revision": build.revision,
            "branch": build.branch,
            "buildUser": "",
            "buildDate": build.build_date,
            "goVersion": BUILT_WITH,
        },
    });
    text::with_type(StatusCode::OK, text::JSON, encode::json(&body))
}
