//! Remotes that want tokens of Microsoft, of Google, or for a signed assertion, from one server on this machine that
//! grants them and takes the samples.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::program::{Program, command};
use crate::webhook::eventually;

const RSA_KEY: &str = include_str!("../../../http-client/tests/it/rsa.pem");
const CLIENT: &str = "00000000-a12b-3cd4-e56f-000000000001";
const REMOTES: [&str; 4] = ["application", "machine", "google", "asserted"];

#[derive(Default)]
struct Site {
    /// How many tokens each was granted.
    granted: Mutex<BTreeMap<String, u64>>,
    /// How many requests of each had a good token.
    taken: Mutex<BTreeMap<String, u64>>,
}

impl Site {
    fn grant(&self, to: &str) -> Response {
        let mut granted = self.granted.lock();
        let number = granted.entry(to.to_owned()).or_default();
        *number += 1;
        Json(json!({ "access_token": format!("{to}-{number}"), "token_type": "Bearer", "expires_in": 3600 }))
            .into_response()
    }

    fn taken(&self, of: &str) -> u64 {
        self.taken.lock().get(of).copied().unwrap_or_default()
    }
}

type Pairs = BTreeMap<String, String>;

async fn authority(State(site): State<Arc<Site>>, Form(form): Form<Pairs>) -> Response {
    let known = ["grant_type", "client_id", "scope", "client_secret"].map(|name| form.get(name).map(String::as_str));
    let scope = "https://monitor.azure.us//.default";
    if known == [Some("client_credentials"), Some(CLIENT), Some(scope), Some("hunter2")] {
        return site.grant("application");
    }
    let refusal = json!({ "error": "invalid_client", "error_description": "wrong secret" });
    (StatusCode::UNAUTHORIZED, Json(refusal)).into_response()
}

async fn imds(State(site): State<Arc<Site>>, headers: HeaderMap, Query(query): Query<Pairs>) -> Response {
    assert_eq!(headers["metadata"], "true");
    assert_eq!(query["resource"], "https://monitor.azure.com/");
    site.grant("machine")
}

/// Grants a token for an assertion whose signature holds, to who its issuer is.
async fn exchange(State(site): State<Arc<Site>>, Form(form): Form<Pairs>) -> Response {
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (signed, signature) = form["assertion"].rsplit_once('.').expect("three parts");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let key = PrivatePkcs8KeyDer::from_pem_slice(RSA_KEY.as_bytes()).expect("a key");
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("an RSA key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    if public.verify(signed.as_bytes(), &decode(signature)).is_err() {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    let claims: Value = serde_json::from_slice(&decode(signed.split_once('.').expect("two parts").1)).expect("JSON");
    match claims["iss"].as_str() {
        Some("writer@p.example") if claims["scope"] == "https://www.googleapis.com/auth/monitoring.write" => {
            site.grant("google")
        }
        Some("me") if claims["sub"] == "writer" && claims["level"] == 3 => site.grant("asserted"),
        other => panic!("{other:?}: {claims}"),
    }
}

/// Takes samples, but not with the first token: it was withdrawn.
async fn write(State(site): State<Arc<Site>>, Path(remote): Path<String>, headers: HeaderMap) -> StatusCode {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let number = token.and_then(|token| token.strip_prefix(&format!("{remote}-")));
    if number.is_none_or(|number| number == "1") {
        return StatusCode::UNAUTHORIZED;
    }
    *site.taken.lock().entry(remote).or_default() += 1;
    StatusCode::NO_CONTENT
}

async fn start() -> (Arc<Site>, String) {
    let site = Arc::new(Site::default());
    let router = Router::new()
        .route("/login/contoso.example/oauth2/v2.0/token", post(authority))
        .route("/metadata/identity/oauth2/token", get(imds))
        .route("/token", post(exchange))
        .route("/write/{remote}", post(write))
        .with_state(Arc::clone(&site));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (site, url)
}

fn configuration(url: &str) -> String {
    let oauth = |secret: &str| {
        format!(
            "azuread: {{cloud: AzureGovernment, oauth: {{client_id: {CLIENT}, client_secret: {secret}, tenant_id: contoso.example}}}}"
        )
    };
    let assertion = format!(
        "oauth2: {{client_id: writer, token_url: '{url}/token', grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', \
         client_certificate_key_file: key.pem, iss: me, claims: {{level: 3}}}}"
    );
    let remotes = [
        ("application", oauth("hunter2")),
        ("machine", "azuread: {managed_identity: {}}".to_owned()),
        ("google", "google_iam: {credentials_file: account.json}".to_owned()),
        ("asserted", assertion),
        ("refused", oauth("hunter3")),
    ];
    // One request at a time, so that one token is refused.
    let single = "queue_config: {max_shards: 1}, metadata_config: {send: false}";
    let remotes =
        remotes.map(|(name, auth)| format!("  - {{name: {name}, url: '{url}/write/{name}', {single}, {auth}}}\n"));
    format!("remote_write:\n{}", remotes.concat())
}

#[tokio::test]
async fn remotes_are_written_to_with_tokens_of_clouds() {
    let (site, url) = start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keep = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writes");
    keep("prometheus.yml", &configuration(&url));
    keep("key.pem", RSA_KEY);
    let account = json!({
        "type": "service_account", "private_key": RSA_KEY, "client_email": "writer@p.example",
        "token_uri": format!("{url}/token"),
    });
    keep("account.json", &account.to_string());
    let mut program = command();
    program
        .env("AZURE_AUTHORITY_HOST", format!("{url}/login"))
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &url)
        .env_remove("IDENTITY_ENDPOINT");
    let config = folder.path().join("prometheus.yml").display().to_string();
    let flags = ["--config.file", config.as_str(), "--self.scrape-interval", "100ms"];
    let program = Program::start_by(program, &folder.path().join("data"), &flags, Stdio::null()).await;
    for remote in REMOTES {
        eventually(remote, async || (site.taken(remote) > 2).then_some(())).await;
    }
    // The first token was withdrawn, the second is kept.
    let granted: Vec<(String, u64)> = site.granted.lock().clone().into_iter().collect();
    assert_eq!(
        granted,
        ["application", "asserted", "google", "machine"].map(|remote| (remote.to_owned(), 2))
    );

    let refusal =
        "azuread: cannot fetch token: the token's server answers 401 Unauthorized: invalid_client wrong secret";
    eventually(refusal, async || {
        let answer = program.get("/api/skopos/remote-write", &[]).await;
        let remotes = answer["remotes"].as_array().expect("a list");
        let refused = remotes.iter().find(|remote| remote["name"] == "refused")?;
        refused.to_string().contains(refusal).then_some(())
    })
    .await;
    assert_eq!(site.taken("refused"), 0);
    let shown = program.get("/api/v1/status/config", &[]).await.to_string();
    assert!(
        shown.contains("client_secret: <secret>") && !shown.contains("hunter"),
        "{shown}"
    );
}
