//! The web configuration, asked by a real client: TLS, certificates of clients, users, headers, limits.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity, StatusCode, Version};
use skopos_server::{ServerOptions, WebGuard};
use tempfile::TempDir;

use crate::harness::Harness;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// The section with Alice's password, hashed at the least cost.
fn users(password: &str) -> String {
    let hash = bcrypt::hash(password, 4).expect("hashes");
    format!("basic_auth_users: {{alice: '{hash}'}}\n")
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Certificate and key of a name, as PEM.
fn certified(name: &str, authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// A server with a web configuration, and who signed its certificate.
struct Guarded {
    harness: Harness,
    authority: Authority,
    folder: TempDir,
}

impl Guarded {
    /// `tls` are further lines of `tls_server_config`, `more` further sections.
    async fn start(tls: &str, more: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().expect("a folder"), authority());
        write(folder.path(), "ca.pem", &authority.pem());
        put_certificate(folder.path(), &authority);
        let text = format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{tls}{more}");
        write(folder.path(), "web.yml", &text);
        let guard = WebGuard::open(&folder.path().join("web.yml")).expect("a good configuration");
        let options = ServerOptions {
            web: Some(Arc::new(guard)),
            ..ServerOptions::default()
        };
        Self {
            harness: Harness::with(options).await,
            authority,
            folder,
        }
    }

    fn client(trusted: &Authority, own: Option<(String, String)>) -> Client {
        let trusted = Certificate::from_pem(trusted.pem().as_bytes()).expect("PEM");
        let mut builder = Client::builder().no_proxy().tls_certs_only([trusted]);
        if let Some((certificate, key)) = own {
            builder = builder.identity(Identity::from_pem(format!("{certificate}{key}").as_bytes()).expect("PEM"));
        }
        builder.build().expect("a client")
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.harness.http.port())
    }

    /// The status of an answer; `None` where there is no connection.
    async fn status(&self, client: &Client, path: &str, user: Option<(&str, &str)>) -> Option<StatusCode> {
        let mut request = client.get(self.url(path));
        if let Some((name, password)) = user {
            request = request.basic_auth(name, Some(password));
        }
        request.send().await.ok().map(|answer| answer.status())
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

fn put_certificate(folder: &Path, authority: &Authority) {
    let (certificate, key) = certified("localhost", authority);
    write(folder, "cert.pem", &certificate);
    write(folder, "key.pem", &key);
}

#[tokio::test]
async fn only_who_knows_the_password_is_answered_over_tls() {
    let more = format!(
        "http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n{}",
        users("open sesame")
    );
    let guarded = Guarded::start("", &more).await;
    let client = Guarded::client(&guarded.authority, None);
    let paths = [
        "/-/healthy",
        "/-/ready",
        "/metrics",
        "/api/v1/query?query=1",
        "/loki/api/v1/labels",
        "/jaeger/api/services",
        "/",
    ];
    for path in paths {
        assert_eq!(
            guarded.status(&client, path, None).await,
            Some(StatusCode::UNAUTHORIZED)
        );
        let wrong = guarded.status(&client, path, Some(("alice", "sesame"))).await;
        assert_eq!(wrong, Some(StatusCode::UNAUTHORIZED));
        let unknown = guarded.status(&client, path, Some(("bob", "open sesame"))).await;
        assert_eq!(unknown, Some(StatusCode::UNAUTHORIZED));
        let right = guarded.status(&client, path, Some(("alice", "open sesame"))).await;
        assert_eq!(right, Some(StatusCode::OK), "{path}");
    }
    let answer = client.get(guarded.url("/-/healthy")).send().await.expect("an answer");
    assert_eq!(answer.version(), Version::HTTP_2);
    assert_eq!(answer.headers()["www-authenticate"], "Basic");
    assert_eq!(answer.headers()["x-frame-options"], "deny");
    assert!(
        guarded.harness.get("/-/healthy").send().await.is_err(),
        "it speaks plain HTTP"
    );
    let stranger = Guarded::client(&authority(), None);
    assert_eq!(guarded.status(&stranger, "/-/healthy", None).await, None);
    guarded.harness.stop().await;
}

#[tokio::test]
async fn every_listener_is_guarded() {
    let guarded = Guarded::start("", &users("open sesame")).await;
    let client = Guarded::client(&guarded.authority, None);
    let classic = guarded.harness.classic.iter().map(|(_, address)| *address);
    for address in classic.chain([guarded.harness.otlp_http, guarded.harness.otlp_grpc]) {
        let url = format!("https://localhost:{}/", address.port());
        let answer = client.get(&url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{url}");
        let known = client.get(&url).basic_auth("alice", Some("open sesame"));
        assert_ne!(
            known.send().await.expect("an answer").status(),
            StatusCode::UNAUTHORIZED
        );
    }
    guarded.harness.stop().await;
}

#[tokio::test]
async fn changes_of_the_file_and_of_certificates_hold_at_once() {
    let guarded = Guarded::start("", &users("open sesame")).await;
    let path = guarded.folder.path().join("web.yml");
    let client = Guarded::client(&guarded.authority, None);
    let known = Some(("alice", "open sesame"));
    assert_eq!(guarded.status(&client, "/-/ready", known).await, Some(StatusCode::OK));
    let text = std::fs::read_to_string(&path).expect("reads");
    let other = text.replace("alice", "somebody");
    std::fs::write(&path, &other).expect("written");
    assert_eq!(
        guarded.status(&client, "/-/ready", known).await,
        Some(StatusCode::UNAUTHORIZED)
    );
    std::fs::write(&path, format!("{other}nonsense: 1\n")).expect("written");
    let broken = guarded.status(&client, "/-/ready", known).await;
    assert_eq!(broken, Some(StatusCode::INTERNAL_SERVER_ERROR));
    std::fs::write(&path, text).expect("written");
    let next = authority();
    put_certificate(guarded.folder.path(), &next);
    let (before, after) = (Guarded::client(&guarded.authority, None), Guarded::client(&next, None));
    assert_eq!(guarded.status(&before, "/-/ready", known).await, None);
    assert_eq!(guarded.status(&after, "/-/ready", known).await, Some(StatusCode::OK));
    guarded.harness.stop().await;
}

#[tokio::test]
async fn certificates_of_clients_are_asked_for_as_the_settings_say() {
    let types = [
        // No certificate, one of another authority, one of ours.
        ("NoClientCert", [true, true, true]),
        ("RequestClientCert", [true, true, true]),
        ("RequireAnyClientCert", [false, true, true]),
        ("VerifyClientCertIfGiven", [true, false, true]),
        ("RequireAndVerifyClientCert", [false, false, true]),
    ];
    for (kind, expected) in types {
        let authority = if kind == "NoClientCert" {
            ""
        } else {
            "  client_ca_file: ca.pem\n"
        };
        let guarded = Guarded::start(&format!("  client_auth_type: {kind}\n{authority}"), "").await;
        let own = [
            None,
            Some(certified("client.example", &self::authority())),
            Some(certified("client.example", &guarded.authority)),
        ];
        for (own, is_answered) in own.into_iter().zip(expected) {
            let client = Guarded::client(&guarded.authority, own);
            let status = guarded.status(&client, "/-/healthy", None).await;
            assert_eq!(status, is_answered.then_some(StatusCode::OK), "{kind}");
        }
        guarded.harness.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_needs_one_of_the_allowed_names() {
    let tls = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
               client_allowed_sans: [a.example, 10.0.0.1]\n  max_version: TLS12\n  \
               cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n  curve_preferences: [CurveP256]\n";
    let guarded = Guarded::start(tls, "http_server_config: {http2: false}\n").await;
    for (name, is_answered) in [("a.example", true), ("10.0.0.1", true), ("b.example", false)] {
        let client = Guarded::client(&guarded.authority, Some(certified(name, &guarded.authority)));
        let status = guarded.status(&client, "/-/healthy", None).await;
        assert_eq!(status, is_answered.then_some(StatusCode::OK), "{name}");
    }
    let client = Guarded::client(&guarded.authority, Some(certified("a.example", &guarded.authority)));
    let answer = client.get(guarded.url("/-/healthy")).send().await.expect("an answer");
    assert_eq!(answer.version(), Version::HTTP_11);
    guarded.harness.stop().await;
}

#[tokio::test]
async fn more_requests_than_the_limit_are_refused() {
    let guarded = Guarded::start("", "rate_limit: {interval: 1h, burst: 2}\n").await;
    let client = Guarded::client(&guarded.authority, None);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.extend(guarded.status(&client, "/-/healthy", None).await);
    }
    assert_eq!(
        statuses,
        [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]
    );
    guarded.harness.stop().await;
}
