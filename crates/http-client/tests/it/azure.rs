//! Tokens of Microsoft Entra ID for each kind of identity, from an authority and a machine's endpoints on this machine.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use parking_lot::Mutex;
use serde_json::json;
use skopos_http_client::{HttpClient, HttpClientError};

use crate::{header, options, remote, serve, variables};

const CLIENT: &str = "00000000-a12b-3cd4-e56f-000000000001";
const TENANT: &str = "00000000-a12b-3cd4-e56f-000000000002";
const RESOURCE: &str = "https://monitor.azure.com/";

type Pairs = Vec<(String, String)>;
/// What was asked: the path and its parameters, in order.
type Asked = Arc<Mutex<Vec<(String, Pairs)>>>;

/// The authority: it knows one secret and one pod. Tokens of the tenant `brief` are at their end.
async fn authority(State(asked): State<Asked>, uri: Uri, Form(form): Form<Pairs>) -> Response {
    let value = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let is_pod = value("client_assertion_type") == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        && value("client_assertion").is_some_and(|token| token.starts_with("pod-token"));
    let is_known = value("grant_type") == Some("client_credentials")
        && value("client_id") == Some(CLIENT)
        && (value("client_secret") == Some("hunter2") || is_pod);
    if !is_known {
        let refusal =
            json!({ "error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided." });
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    let life = if uri.path().starts_with("/brief/") { 0 } else { 3600 };
    let mut asked = asked.lock();
    asked.push((uri.path().to_owned(), form));
    Json(json!({ "access_token": format!("t{}", asked.len()), "token_type": "Bearer", "expires_in": life }))
        .into_response()
}

/// IMDS, which tells numbers as texts.
async fn imds(State(asked): State<Asked>, headers: HeaderMap, uri: Uri, Query(query): Query<Pairs>) -> Response {
    if headers.get("metadata").is_none_or(|value| value != "true") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    asked.lock().push((uri.path().to_owned(), query));
    Json(json!({ "access_token": "vm", "expires_in": "3599", "expires_on": "4102444800", "token_type": "Bearer" }))
        .into_response()
}

/// App Service, which tells the end alone.
async fn app_service(State(asked): State<Asked>, headers: HeaderMap, uri: Uri, Query(query): Query<Pairs>) -> Response {
    if headers.get("x-identity-header").is_none_or(|value| value != "proof") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    asked.lock().push((uri.path().to_owned(), query));
    Json(json!({ "access_token": "app", "expires_on": "4102444800", "token_type": "Bearer" })).into_response()
}

/// The site, and what it was asked.
async fn site() -> (String, Asked) {
    let asked = Asked::default();
    let router = Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(authority))
        .route("/metadata/identity/oauth2/token", get(imds))
        .route("/msi/token", get(app_service))
        .with_state(Arc::clone(&asked));
    (format!("http://{}/", serve(router).await), asked)
}

fn client(azuread: &str, folder: &Path, pairs: &[(&str, &str)]) -> Result<HttpClient, HttpClientError> {
    let remote = remote(&format!("azuread: {azuread}"));
    let options = options(folder);
    let azuread = remote.azuread.expect("a section");
    HttpClient::new(&remote.http_client, options)?.with_azure_ad(&azuread, options, variables(pairs))
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Pairs {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[tokio::test]
async fn an_application_has_its_token_for_a_secret() {
    let (url, asked) = site().await;
    let folder = Path::new("");
    let oauth = |tenant: &str, secret: &str| {
        format!("{{oauth: {{client_id: {CLIENT}, client_secret: {secret}, tenant_id: {tenant}}}}}")
    };
    let environment = [("AZURE_AUTHORITY_HOST", url.as_str())];
    let known = client(&oauth(TENANT, "hunter2"), folder, &environment).expect("a client");
    for _ in 0..2 {
        assert_eq!(header(&known, "authorization").await.expect("a token"), "Bearer t1");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", "https://monitor.azure.com//.default"),
        ("client_secret", "hunter2"),
    ];
    assert_eq!(
        asked.lock()[..],
        [(format!("/{TENANT}/oauth2/v2.0/token"), pairs(form))]
    );
    assert!(known.forget_token().await);
    assert_eq!(header(&known, "authorization").await.expect("a token"), "Bearer t2");

    let brief = client(&oauth("brief", "hunter2"), folder, &environment).expect("a client");
    assert_eq!(header(&brief, "authorization").await.expect("a token"), "Bearer t3");
    assert_eq!(header(&brief, "authorization").await.expect("a token"), "Bearer t4");

    let stranger = client(&oauth(TENANT, "other"), folder, &environment).expect("a client");
    let refused = header(&stranger, "authorization")
        .await
        .expect_err("a refusal")
        .to_string();
    assert_eq!(
        refused,
        "azuread: cannot fetch token: the token's server answers 401 Unauthorized: invalid_client AADSTS7000215: Invalid client secret provided."
    );

    let in_the_clear = [("AZURE_AUTHORITY_HOST", "http://login.example")];
    let refused = client(&oauth(TENANT, "hunter2"), folder, &in_the_clear)
        .expect_err("no TLS")
        .to_string();
    assert!(refused.contains("use https"), "{refused}");
}

#[tokio::test]
async fn a_pod_has_its_token_for_that_of_its_account() {
    let (url, asked) = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let workload = format!(
        "{{cloud: AzureChina, workload_identity: {{client_id: {CLIENT}, tenant_id: {TENANT}, token_file_path: token}}}}"
    );
    let pod = client(&workload, folder.path(), &[("AZURE_AUTHORITY_HOST", &url)]).expect("a client");
    let missing = header(&pod, "authorization").await.expect_err("no file").to_string();
    assert!(
        missing.starts_with("azuread: cannot fetch token: unable to read"),
        "{missing}"
    );
    for (number, of_account) in ["pod-token-1", "pod-token-2"].into_iter().enumerate() {
        std::fs::write(folder.path().join("token"), format!("{of_account}\n")).expect("writes");
        let token = header(&pod, "authorization").await.expect("a token");
        assert_eq!(token, format!("Bearer t{}", number + 1));
        let (_, form) = asked.lock()[number].clone();
        assert!(
            form.contains(&("client_assertion".to_owned(), of_account.to_owned())),
            "{form:?}"
        );
        let scope = "https://monitor.azure.cn//.default";
        assert!(form.contains(&("scope".to_owned(), scope.to_owned())), "{form:?}");
        pod.forget_token().await;
    }
}

#[tokio::test]
async fn a_machine_has_the_token_of_its_identity() {
    let (url, asked) = site().await;
    let folder = Path::new("");
    let imds = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())];
    let own = client("{managed_identity: {}}", folder, &imds).expect("a client");
    for _ in 0..2 {
        assert_eq!(header(&own, "authorization").await.expect("a token"), "Bearer vm");
    }
    let other = format!("{{managed_identity: {{client_id: {CLIENT}}}, scope: 'api://metrics/.default'}}");
    let other = client(&other, folder, &imds).expect("a client");
    assert_eq!(header(&other, "authorization").await.expect("a token"), "Bearer vm");
    let door = format!("{url}msi/token");
    let app = [("IDENTITY_ENDPOINT", door.as_str()), ("IDENTITY_HEADER", "proof")];
    let app = client("{managed_identity: {}}", folder, &app).expect("a client");
    for _ in 0..2 {
        assert_eq!(header(&app, "authorization").await.expect("a token"), "Bearer app");
    }
    let path = "/metadata/identity/oauth2/token".to_owned();
    let version = ("api-version", "2018-02-01");
    assert_eq!(
        asked.lock()[..],
        [
            (path.clone(), pairs([version, ("resource", RESOURCE)])),
            (
                path,
                pairs([version, ("resource", "api://metrics"), ("client_id", CLIENT)])
            ),
            (
                "/msi/token".to_owned(),
                pairs([("api-version", "2019-08-01"), ("resource", RESOURCE)])
            ),
        ]
    );
}

#[tokio::test]
async fn what_the_environment_speaks_of_is_found_in_order() {
    let (url, asked) = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token").display().to_string();
    std::fs::write(&file, "pod-token").expect("writes");
    let mut environment = vec![
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str()),
    ];
    let token = async |environment: &[(&str, &str)]| {
        let found = client("{sdk: {}}", folder.path(), environment)?;
        header(&found, "authorization").await
    };
    assert_eq!(token(&environment).await.expect("the machine's"), "Bearer vm");
    environment.extend([("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", CLIENT)]);
    assert_eq!(token(&environment).await.expect("the machine's"), "Bearer vm");
    environment.push(("AZURE_FEDERATED_TOKEN_FILE", &file));
    assert_eq!(token(&environment).await.expect("the pod's"), "Bearer t3");
    environment.push(("AZURE_CLIENT_SECRET", "hunter2"));
    assert_eq!(token(&environment).await.expect("the application's"), "Bearer t4");
    let machines = asked.lock()[1].1.clone();
    assert!(
        machines.contains(&("client_id".to_owned(), CLIENT.to_owned())),
        "{machines:?}"
    );

    let nothing = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")];
    let refused = token(&nothing).await.expect_err("nobody").to_string();
    for part in [
        "AZURE_FEDERATED_TOKEN_FILE",
        "http://127.0.0.1:1/metadata",
        "Connection refused",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}
