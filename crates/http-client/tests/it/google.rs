//! Tokens of Google for each kind of credentials, from token and metadata servers on this machine.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use parking_lot::Mutex;
use ring::signature::RSA_PKCS1_2048_8192_SHA256;
use serde_json::{Value, json};
use skopos_http_client::HttpClient;

use crate::{RSA_KEY, header, options, remote, serve, variables, verified};

const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.write";

type Pairs = Vec<(String, String)>;
/// The claims that were signed.
type Signed = Arc<Mutex<Vec<Value>>>;

/// Google's token server: it knows one key and one user.
async fn token(State(signed): State<Signed>, Form(form): Form<Pairs>) -> Response {
    let form: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let token = match form[..] {
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion),
        ] => {
            let (head, claims) = verified(assertion, &RSA_PKCS1_2048_8192_SHA256);
            assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
            let mut signed = signed.lock();
            signed.push(claims);
            format!("account{}", signed.len())
        }
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", "refresh"),
            ("client_id", "gcloud"),
            ("client_secret", "known"),
        ] => "user".to_owned(),
        _ => {
            let refusal = json!({ "error": "invalid_grant", "error_description": "Bad Request" });
            return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
        }
    };
    Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3599 })).into_response()
}

/// The API that lets an account act as another.
async fn act(headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    if headers["authorization"] != "Bearer user" {
        return StatusCode::FORBIDDEN.into_response();
    }
    assert_eq!(asked, json!({ "delegates": [], "lifetime": "3600s", "scope": [SCOPE] }));
    Json(json!({ "accessToken": "acting", "expireTime": "2100-01-01T00:00:00Z" })).into_response()
}

async fn metadata(headers: HeaderMap, Query(query): Query<Pairs>) -> Response {
    if headers.get("metadata-flavor").is_none_or(|value| value != "Google") {
        return StatusCode::FORBIDDEN.into_response();
    }
    assert_eq!(query, [("scopes".to_owned(), SCOPE.to_owned())]);
    Json(json!({ "access_token": "machine", "token_type": "Bearer", "expires_in": 3599 })).into_response()
}

async fn site() -> (String, Signed) {
    let signed = Signed::default();
    let router = Router::new()
        .route("/token", post(token))
        .route("/v1/act", post(act))
        .route(
            "/computeMetadata/v1/instance/service-accounts/default/token",
            get(metadata),
        )
        .with_state(Arc::clone(&signed));
    (serve(router).await, signed)
}

fn client(credentials_file: &str, folder: &Path, pairs: &[(&str, &str)]) -> HttpClient {
    let remote = remote(&format!("google_iam: {{credentials_file: '{credentials_file}'}}"));
    let options = options(folder);
    let google_iam = remote.google_iam.expect("a section");
    let client = HttpClient::new(&remote.http_client, options).expect("a client");
    client
        .with_google_iam(&google_iam, options, variables(pairs))
        .expect("a client")
}

fn service_account(host: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "key-1", "private_key": RSA_KEY,
        "client_email": "writer@p.example", "client_id": "1", "token_uri": format!("http://{host}/token"),
    })
}

fn user(host: &str, client_secret: &str) -> Value {
    json!({
        "type": "authorized_user", "client_id": "gcloud", "client_secret": client_secret, "refresh_token": "refresh",
        "token_uri": format!("http://{host}/token"), "quota_project_id": "charged",
    })
}

#[tokio::test]
async fn a_service_account_signs_with_its_key() {
    let (host, signed) = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.json"), service_account(&host).to_string()).expect("writes");
    let account = client("key.json", folder.path(), &[("GOOGLE_CLOUD_QUOTA_PROJECT", "charged")]);
    for _ in 0..2 {
        assert_eq!(
            header(&account, "authorization").await.expect("a token"),
            "Bearer account1"
        );
    }
    assert_eq!(
        header(&account, "x-goog-user-project").await.expect("a token"),
        "charged"
    );
    let claims = signed.lock()[0].clone();
    let fixed = ["iss", "aud", "scope"].map(|name| claims[name].as_str().unwrap_or_default());
    assert_eq!(
        fixed,
        ["writer@p.example", format!("http://{host}/token").as_str(), SCOPE]
    );
    let second = |name: &str| claims[name].as_i64().expect("a number");
    assert_eq!(second("exp") - second("iat"), 3600);
    assert!(account.forget_token().await);
    assert_eq!(
        header(&account, "authorization").await.expect("a token"),
        "Bearer account2"
    );
}

#[tokio::test]
async fn default_credentials_are_found_in_order() {
    let (host, _) = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().display().to_string();
    let mut environment = vec![("HOME", home.as_str()), ("GCE_METADATA_HOST", host.as_str())];
    let machine = client("", folder.path(), &environment);
    assert_eq!(
        header(&machine, "authorization").await.expect("a token"),
        "Bearer machine"
    );
    assert_eq!(header(&machine, "x-goog-user-project").await.expect("a token"), "");

    let gcloud = folder.path().join(".config/gcloud");
    std::fs::create_dir_all(&gcloud).expect("a folder");
    let known = gcloud.join("application_default_credentials.json");
    std::fs::write(known, user(&host, "known").to_string()).expect("writes");
    let of_user = client("", folder.path(), &environment);
    assert_eq!(header(&of_user, "authorization").await.expect("a token"), "Bearer user");
    assert_eq!(
        header(&of_user, "x-goog-user-project").await.expect("a token"),
        "charged"
    );

    let acting = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": format!("http://{host}/v1/act"),
        "source_credentials": user(&host, "known"),
    });
    let named = folder.path().join("acting.json").display().to_string();
    std::fs::write(&named, acting.to_string()).expect("writes");
    environment.push(("GOOGLE_APPLICATION_CREDENTIALS", &named));
    let acting = client("", folder.path(), &environment);
    for _ in 0..2 {
        assert_eq!(
            header(&acting, "authorization").await.expect("a token"),
            "Bearer acting"
        );
    }
}

#[tokio::test]
async fn what_hinders_a_token_is_told_without_secrets() {
    let (host, _) = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut keyless = service_account(&host);
    keyless["private_key"] = json!("hunter2");
    let cases = [
        (
            user(&host, "hunter2").to_string(),
            "the token's server answers 400 Bad Request: invalid_grant Bad Request",
        ),
        (
            keyless.to_string(),
            "writer@p.example: the private key is not one in PEM: no items found",
        ),
        (
            r#"{"type": "external_account", "a": "hunter2"}"#.to_owned(),
            "credentials of type \"external_account\" are not supported;",
        ),
        (
            r#"{"type": "authorized_user", "client_id": "hunter2"}"#.to_owned(),
            "not credentials of Google: missing field `client_secret`",
        ),
        (
            r#"{"type": "service_account", "client_email": 7, "private_key": "hunter2"}"#.to_owned(),
            "not credentials of Google at line 1 column 4",
        ),
        (
            r#"{"web": {"client_secret": "hunter2"}}"#.to_owned(),
            "not credentials of Google: missing field `type`",
        ),
    ];
    for (text, reason) in cases {
        std::fs::write(folder.path().join("key.json"), &text).expect("writes");
        let error = header(&client("key.json", folder.path(), &[]), "authorization").await;
        let error = error.expect_err(reason).to_string();
        assert!(
            error.starts_with("google_iam: cannot fetch token: ") && error.contains(reason),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    let nowhere = client("", folder.path(), &[("GCE_METADATA_HOST", "127.0.0.1:1")]);
    let error = header(&nowhere, "authorization").await.expect_err("nobody").to_string();
    for part in [
        "set credentials_file or GOOGLE_APPLICATION_CREDENTIALS",
        "127.0.0.1:1",
        "Connection refused",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
