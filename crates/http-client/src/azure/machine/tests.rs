//! Azure Arc, whose folder of proofs is given.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::*;

/// The agent: it names the file, and takes what stands in it.
async fn agent(
    State(named): State<String>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    assert_eq!(headers["metadata"], "true");
    assert_eq!(
        asked[1],
        ("resource".to_owned(), "https://monitor.azure.com/".to_owned())
    );
    match headers.get("authorization") {
        Some(proof) if proof == "Basic proof" => r#"{"access_token": "t", "expires_in": "60"}"#.into_response(),
        _ => (
            StatusCode::UNAUTHORIZED,
            [("www-authenticate", format!("Basic realm={named}"))],
        )
            .into_response(),
    }
}

async fn machine(named: String, folder: &Path) -> Machine {
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/token", listener.local_addr().expect("an address"));
    let router = Router::new().route("/token", get(agent)).with_state(named);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Machine {
        client: Client::new(),
        door: Door::Arc {
            url,
            folder: folder.to_owned(),
        },
    }
}

#[tokio::test]
async fn arc_is_answered_from_its_folder_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let proof = folder.path().join("a.key");
    std::fs::write(&proof, "proof\n").expect("writes");
    let own = machine(proof.display().to_string(), folder.path()).await;
    let granted = own.token("https://monitor.azure.com/", "").await.expect("a token");
    assert_eq!(granted.headers, [("authorization", "Bearer t".to_owned())]);
    assert_eq!(granted.life, Some(Duration::from_mins(1)));
    let refused = own
        .token("https://monitor.azure.com/", "other")
        .await
        .err()
        .expect("one identity");
    assert!(refused.reason.contains("remove client_id"), "{}", refused.reason);

    for elsewhere in [
        "/etc/passwd".to_owned(),
        folder.path().join("../a.key").display().to_string(),
    ] {
        let strange = machine(elsewhere, folder.path()).await;
        let refused = strange
            .token("https://monitor.azure.com/", "")
            .await
            .err()
            .expect("another folder");
        assert!(
            refused.reason.contains("which is no .key file in"),
            "{}",
            refused.reason
        );
    }
}
