//! Tokens for signed assertions (RFC 7523).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaParameters};
use serde_json::{Value, json};
use skopos_config::HttpClientConfig;
use skopos_http_client::HttpClient;

use crate::{RSA_KEY, header, options, serve, verified};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the server wants, what it was asked, and how long its tokens hold.
struct Server {
    algorithm: &'static RsaParameters,
    granted: AtomicU64,
    life_seconds: u64,
    asked: parking_lot::Mutex<Vec<(Value, Value)>>,
}

impl Server {
    fn new(algorithm: &'static RsaParameters, life_seconds: u64) -> Arc<Self> {
        Arc::new(Self {
            algorithm,
            granted: AtomicU64::new(0),
            life_seconds,
            asked: parking_lot::Mutex::default(),
        })
    }
}

async fn token(State(server): State<Arc<Server>>, Form(form): Form<Vec<(String, String)>>) -> Response {
    let [(grant, kind), (assertion, token)] = &form[..] else {
        return (StatusCode::BAD_REQUEST, format!("{form:?}")).into_response();
    };
    assert_eq!(
        (grant.as_str(), kind.as_str(), assertion.as_str()),
        ("grant_type", GRANT, "assertion")
    );
    let (header, claims) = verified(token, server.algorithm);
    if claims["sub"] == "stranger" {
        let refusal = json!({ "error": "invalid_grant", "error_description": "stranger is\nnot known" });
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    server.asked.lock().push((header, claims));
    let number = server.granted.fetch_add(1, Ordering::SeqCst) + 1;
    Json(json!({ "access_token": format!("t{number}"), "token_type": "bearer", "expires_in": server.life_seconds.to_string() }))
        .into_response()
}

async fn start(server: &Arc<Server>) -> String {
    let router = Router::new().route("/token", post(token));
    serve(router.with_state(Arc::clone(server))).await
}

fn config(folder: &std::path::Path, oauth2: &str) -> HttpClientConfig {
    let path = folder.join("http.yml");
    let text = format!("oauth2:\n  client_id: reader\n  grant_type: {GRANT}\n{oauth2}");
    std::fs::write(&path, text).expect("writes");
    HttpClientConfig::load(&path).expect("good")
}

#[tokio::test]
async fn an_assertion_is_signed_and_its_token_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.pem"), RSA_KEY).expect("writes");
    let server = Server::new(&RSA_PKCS1_2048_8192_SHA256, 3600);
    let url = format!("http://{}/token", start(&server).await);
    let oauth2 = format!("  token_url: {url}\n  client_certificate_key_file: key.pem\n  scopes: [a, b]\n");
    let client = HttpClient::new(&config(folder.path(), &oauth2), options(folder.path())).expect("a client");
    for _ in 0..3 {
        assert_eq!(header(&client, "authorization").await.expect("a token"), "Bearer t1");
    }
    let (head, claims) = server.asked.lock()[0].clone();
    assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT" }));
    let fixed = ["iss", "sub", "aud", "scope"].map(|name| claims[name].as_str().unwrap_or_default());
    assert_eq!(fixed, ["reader", "reader", url.as_str(), "a b"]);
    let second = |name: &str| claims[name].as_i64().expect("a number");
    assert_eq!(second("exp") - second("iat"), 600);

    // A token that was withdrawn, then another key in the file.
    assert!(client.forget_token().await);
    assert_eq!(header(&client, "authorization").await.expect("a token"), "Bearer t2");
    std::fs::write(folder.path().join("key.pem"), RSA_KEY.replacen("these", "the", 1)).expect("writes");
    assert_eq!(header(&client, "authorization").await.expect("a token"), "Bearer t3");
    let ids: Vec<Value> = server
        .asked
        .lock()
        .iter()
        .map(|(_, claims)| claims["jti"].clone())
        .collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[tokio::test]
async fn settings_of_the_assertion_hold_and_a_short_token_is_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::new(&RSA_PKCS1_2048_8192_SHA512, 10);
    let url = format!("http://{}/token", start(&server).await);
    let key = RSA_KEY.replace('\n', "\n    ");
    let oauth2 = format!(
        "  token_url: {url}\n  client_certificate_key: |\n    {key}\n  client_certificate_key_id: k1\n  signature_algorithm: RS512\n  iss: me\n  audience: you\n  claims: {{level: 3, sub: other}}\n"
    );
    let client = HttpClient::new(&config(folder.path(), &oauth2), options(folder.path())).expect("a client");
    assert_eq!(header(&client, "authorization").await.expect("a token"), "Bearer t1");
    assert_eq!(header(&client, "authorization").await.expect("a token"), "Bearer t2");
    let (head, claims) = server.asked.lock()[0].clone();
    assert_eq!(head, json!({ "alg": "RS512", "typ": "JWT", "kid": "k1" }));
    let set = ["iss", "sub", "aud", "level", "scope"].map(|name| claims[name].clone());
    assert_eq!(set, [json!("me"), json!("other"), json!("you"), json!(3), Value::Null]);
}

#[tokio::test]
async fn what_hinders_a_token_is_told_without_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::new(&RSA_PKCS1_2048_8192_SHA256, 3600);
    let url = format!("http://{}/token", start(&server).await);
    let key = RSA_KEY.replace('\n', "\n    ");
    let cases = [
        (
            String::new(),
            "oauth2: cannot fetch token: there is no private key to sign with; client_certificate_key or",
        ),
        (
            "  client_certificate_key: hunter2\n".to_owned(),
            "oauth2: cannot fetch token: the private key is not one in PEM: no items found;",
        ),
        (
            format!("  client_certificate_key: |\n    {key}\n  claims: {{sub: stranger}}\n"),
            "oauth2: cannot fetch token: the token's server answers 400 Bad Request: invalid_grant stranger is not known",
        ),
    ];
    for (oauth2, reason) in cases {
        let config = config(folder.path(), &format!("  token_url: {url}\n{oauth2}"));
        let client = HttpClient::new(&config, options(folder.path())).expect("a client");
        let error = header(&client, "authorization").await.expect_err(reason).to_string();
        assert!(error.starts_with(reason), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
