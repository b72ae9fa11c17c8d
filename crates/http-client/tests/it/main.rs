//! Clients and servers on this machine: what is asked for tokens, what requests carry, and where they go.

mod azure;
mod google;
mod jwt_bearer;
mod round_robin;

use std::path::Path;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::signature::{KeyPair as _, RsaKeyPair, RsaParameters, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use skopos_config::{PrometheusConfig, RemoteWriteConfig};
use skopos_http_client::{ClientOptions, HttpClient, HttpClientError, Variables};

/// The private key of the tests.
const RSA_KEY: &str = include_str!("rsa.pem");

/// Serves on a free port; its address.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}

/// Options for files in `folder`.
fn options(folder: &Path) -> ClientOptions<'_> {
    drop(rustls::crypto::ring::default_provider().install_default());
    ClientOptions {
        folder,
        user_agent: "test",
        compression: false,
    }
}

/// A header of an authorized request.
async fn header(client: &HttpClient, name: &str) -> Result<String, HttpClientError> {
    let request = client.request(Method::GET, "http://127.0.0.1/");
    let request = client.authorized(request).await?.build().expect("a request");
    let value = request.headers().get(name).map(|value| value.to_str().expect("a text"));
    Ok(value.unwrap_or_default().to_owned())
}

/// Header and claims of a token whose signature by the key of the tests holds.
fn verified(token: &str, algorithm: &'static RsaParameters) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let key = PrivatePkcs8KeyDer::from_pem_slice(RSA_KEY.as_bytes()).expect("a key");
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("an RSA key");
    UnparsedPublicKey::new(algorithm, key.public_key().as_ref())
        .verify(signed.as_bytes(), &decode(signature))
        .expect("a signature that holds");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let json = |part: &str| serde_json::from_slice(&decode(part)).expect("JSON");
    (json(header), json(claims))
}

/// The first remote of a configuration with these settings.
fn remote(settings: &str) -> RemoteWriteConfig {
    let text = format!("remote_write: [{{url: 'http://a/', {settings}}}]");
    let config = PrometheusConfig::parse(&text, Path::new("prometheus.yml"));
    config.expect(settings).remote_write.remove(0)
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
