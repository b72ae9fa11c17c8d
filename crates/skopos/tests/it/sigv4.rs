//! Samples and alerts that are signed for Amazon, with keys of the instance and of a role that they assume.

use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use skopos_http_client::aws::{Credentials, Signer};

use crate::program::{Program, command};
use crate::webhook::eventually;

const INSTANCE: &str = r#"{"AccessKeyId": "IK", "SecretAccessKey": "IS", "Token": "IT"}"#;
const ASSUMED: &str = "<AssumeRoleResponse><Credentials><AccessKeyId>RK</AccessKeyId><SecretAccessKey>RS</SecretAccessKey>\
                       <SessionToken>RT</SessionToken></Credentials></AssumeRoleResponse>";

/// What the site was asked: the services whose signatures held, in order.
type Held = Arc<Mutex<Vec<String>>>;

/// Metadata of an instance, the token service, and Amazon's Prometheus, on one address.
async fn site(State(held): State<Held>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    match uri.path() {
        "/latest/api/token" => "metadata-token".into_response(),
        path if path.starts_with("/latest/") && headers["x-aws-ec2-metadata-token"] != "metadata-token" => {
            StatusCode::UNAUTHORIZED.into_response()
        }
        "/latest/meta-data/iam/security-credentials/" => "observer\n".into_response(),
        "/latest/meta-data/iam/security-credentials/observer" => INSTANCE.into_response(),
        "/" => {
            let form = String::from_utf8_lossy(&body);
            assert!(
                form.contains("Action=AssumeRole") && form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fwriter")
            );
            check(&held, "sts", ["IK", "IS", "IT"], &headers, "/", &body);
            ASSUMED.into_response()
        }
        path => {
            check(&held, "aps", ["RK", "RS", "RT"], &headers, path, &body);
            StatusCode::OK.into_response()
        }
    }
}

/// Signs again what came, and compares.
fn check(held: &Held, service: &str, keys: [&str; 3], headers: &HeaderMap, path: &str, body: &[u8]) {
    let [access_key, secret_key, session_token] = keys.map(str::to_owned);
    let credentials = Credentials {
        access_key,
        secret_key,
        session_token,
    };
    let text = |name: &str| headers[name].to_str().expect("a text").to_owned();
    let signer = Signer {
        region: "eu-west-1",
        service,
        credentials: &credentials,
    };
    let url = format!("http://{}{path}", text("host")).parse().expect("a URL");
    let signed_at = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", text("x-amz-date")).expect("a time");
    let signed_at = signed_at
        .to_datetime()
        .expect("complete")
        .to_zoned(jiff::tz::TimeZone::UTC);
    let again = signer.sign(
        &url,
        &text("content-type"),
        body,
        signed_at.expect("a time").timestamp(),
    );
    let mut held = held.lock();
    for (name, value) in again {
        let all: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        if all != [value.as_str()] {
            held.push(format!("{service}: {name}: {all:?} is not {value}"));
            return;
        }
    }
    held.push(format!("{service} {path}"));
}

#[tokio::test]
async fn samples_and_alerts_are_signed_with_the_role_that_the_instance_assumes() {
    let held = Held::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(site).with_state(Arc::clone(&held));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir().expect("a folder");
    let sigv4 = "sigv4: {region: eu-west-1, role_arn: 'arn:aws:iam::1:role/writer'}";
    let text = format!(
        "global: {{evaluation_interval: 1s}}\n\
         rule_files: [rules.yml]\n\
         remote_write: [{{url: 'http://{address}/workspaces/ws-1/api/v1/remote_write', {sigv4}}}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{address}']}}], path_prefix: /workspaces/ws-1/alertmanager, {sigv4}}}]}}\n"
    );
    let config = folder.path().join("prometheus.yml");
    std::fs::write(&config, text).expect("writes");
    let rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]\n";
    std::fs::write(folder.path().join("rules.yml"), rules).expect("writes");

    let mut program = command();
    program
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}/"))
        .env("AWS_ENDPOINT_URL_STS", format!("http://{address}"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
        .env_remove("AWS_ACCESS_KEY_ID");
    let flag = config.display().to_string();
    let _program = Program::start_by(program, folder.path(), &["--config.file", &flag], Stdio::null()).await;
    for wanted in [
        "sts /",
        "aps /workspaces/ws-1/api/v1/remote_write",
        "aps /workspaces/ws-1/alertmanager/api/v2/alerts",
    ] {
        eventually(wanted, async || {
            held.lock().iter().any(|one| one == wanted).then_some(())
        })
        .await;
    }
    let wrong: Vec<String> = held.lock().iter().filter(|one| one.contains(':')).cloned().collect();
    assert_eq!(wrong, Vec::<String>::new());
}
