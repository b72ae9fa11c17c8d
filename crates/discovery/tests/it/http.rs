//! HTTP discovery.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::found::{addresses, assert_labels, changed, discover, labels_at, serve, until};

type Answer = Arc<Mutex<(StatusCode, &'static str)>>;

async fn answer(State(answer): State<Answer>, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers["X-Prometheus-Refresh-Interval-Seconds"], "0.05");
    assert_eq!(headers[header::AUTHORIZATION], "Bearer token");
    let (status, body) = *answer.lock().expect("no panic");
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

#[tokio::test]
async fn targets_come_change_and_stay_through_failures() {
    let state: Answer = Arc::new(Mutex::new((
        StatusCode::OK,
        r#"[{"targets": ["a:1", "b:2"], "labels": {"team": "x"}}]"#,
    )));
    let server = serve(Router::new().route("/sd", get(answer)).with_state(Arc::clone(&state))).await;
    let section = format!(
        "http_sd_configs: [{{url: 'http://{server}/sd', refresh_interval: 50ms, authorization: {{credentials: token}}}}], static_configs: [{{targets: ['s:1']}}]"
    );
    let mut discoveries = discover(&section, Path::new("."));
    let groups = changed(&mut discoveries).await;
    assert_eq!(addresses(&groups), ["s:1", "a:1", "b:2"]);
    assert_labels(
        &groups[1].labels,
        &[("team", "x"), ("__meta_url", &format!("http://{server}/sd"))],
    );

    *state.lock().expect("no panic") = (StatusCode::INTERNAL_SERVER_ERROR, "broken");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    *state.lock().expect("no panic") = (StatusCode::OK, r#"[{"targets": ["c:3"]}]"#);
    let groups = changed(&mut discoveries).await;
    assert_eq!(
        addresses(&groups),
        ["s:1", "c:3"],
        "the failure in between told nothing"
    );
}

#[tokio::test]
async fn targets_of_other_sources_do_not_wait_for_one_that_fails() {
    let section = "http_sd_configs: [{url: 'http://127.0.0.1:1/sd'}], static_configs: [{targets: ['s:1']}]";
    let mut discoveries = discover(section, Path::new("."));
    let groups = until(&mut discoveries, &["s:1"]).await;
    assert_labels(labels_at(&groups, "s:1"), &[]);
}
