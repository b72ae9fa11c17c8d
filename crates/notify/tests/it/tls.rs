//! TLS of receivers: trusted authorities, names, and client certificates.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use skopos_notify::SendError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::bench::{firing, install_provider, notifier};

/// An authority and a server's certificate of it.
pub(crate) struct Keys {
    pub(crate) authority: String,
    pub(crate) acceptor: TlsAcceptor,
}

/// Keys for a server of this name.
pub(crate) fn keys(name: &str) -> Keys {
    install_provider();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .expect("a name")
        .signed_by(&key, &issuer)
        .expect("a certificate");
    let chain = vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a configuration");
    Keys {
        authority: issuer.pem(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

/// A server that answers each request with `ok`; gives its port.
async fn serve(acceptor: TlsAcceptor) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = vec![0; 64 * 1024];
            if stream.read(&mut buffer).await.is_ok() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
                drop(stream.write_all(answer).await);
                drop(stream.shutdown().await);
            }
        }
    });
    port
}

async fn attempt(port: u16, tls_config: &str) -> Result<u16, SendError> {
    let settings = format!(
        "  webhook_configs: [{{url: 'https://127.0.0.1:{port}/', http_config: {{enable_http2: false, tls_config: {{{tls_config}}}}}}}]\n"
    );
    let delivery = notifier(&settings).notify(&firing()).await?;
    Ok(delivery.status)
}

#[tokio::test]
async fn certificates_are_verified() {
    let keys = keys("127.0.0.1");
    let port = serve(keys.acceptor).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &keys.authority).expect("it is written");
    let ca = format!("ca_file: '{}'", file.display());
    assert_eq!(attempt(port, &ca).await.expect("it is trusted"), 200);
    let error = attempt(port, "").await.expect_err("the authority is unknown");
    assert!(error.text.contains("certificate") && error.is_recoverable, "{error}");
    assert_eq!(
        attempt(port, "insecure_skip_verify: true")
            .await
            .expect("nothing is checked"),
        200
    );
    assert_eq!(
        attempt(port, &format!("{ca}, min_version: TLS13"))
            .await
            .expect("it speaks TLS 1.3"),
        200
    );
}

#[tokio::test]
async fn names_are_verified() {
    let keys = keys("alerts.example");
    let port = serve(keys.acceptor).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &keys.authority).expect("it is written");
    let ca = format!("ca_file: '{}'", file.display());
    let error = attempt(port, &ca).await.expect_err("the name differs");
    assert!(error.text.contains("certificate"), "{error}");
    assert_eq!(
        attempt(port, &format!("{ca}, server_name: alerts.example"))
            .await
            .expect("the name is right"),
        200
    );
    let other = attempt(port, &format!("{ca}, server_name: other.example")).await;
    assert!(other.is_err(), "{other:?}");
    assert_eq!(
        attempt(port, "insecure_skip_verify: true, server_name: other.example")
            .await
            .expect("nothing is checked"),
        200
    );
}
