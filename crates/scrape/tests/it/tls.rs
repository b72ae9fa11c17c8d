//! Targets over TLS: private authorities, client certificates, and the proxy's tunnel.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use skopos_scrape::ActiveTarget;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::proxy::Proxy;
use crate::{Bench, bench};

type Authority = CertifiedIssuer<'static, KeyPair>;

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

/// A target of that name that wants a client's certificate of the same authority.
async fn target(name: &str, authority: &Authority) -> std::net::SocketAddr {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let (certificate, key) = certified(name, authority);
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pem())).expect("an authority");
    let clients = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .expect("an authority");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![der(&certificate)],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM"),
        )
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 16 << 10];
            if stream.read(&mut request).await.is_ok() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: close\r\n\r\na 1\n";
                drop(stream.write_all(answer).await);
                drop(stream.shutdown().await);
            }
        }
    });
    address
}

/// Writes what a job's `tls_config` names into a folder.
fn write(folder: &Path, trusted: &Authority, client: &Authority) {
    let (certificate, key) = certified("scraper", client);
    for (name, text) in [("ca.pem", trusted.pem()), ("cert.pem", certificate), ("key.pem", key)] {
        std::fs::write(folder.join(name), text).expect("it is written");
    }
}

/// Applies a job whose files are in the folder; gives the target after its first scrape.
async fn scraped(bench: &Bench, folder: &Path, instance: &str, more: &str) -> ActiveTarget {
    let job = format!(
        "- job_name: j\n  scheme: https\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs: [{{targets: ['{instance}']}}]\n{more}"
    );
    bench.apply_at(&job, &folder.join("prometheus.yml"));
    let scraped = async {
        loop {
            let targets = bench.manager.targets().active;
            if let Some(target) = targets.into_iter().find(|target| target.last_scrape_ms.is_some()) {
                return target;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), scraped)
        .await
        .expect("a scrape")
}

#[tokio::test]
async fn a_private_authority_and_a_client_certificate_are_used() {
    const CLIENT: &str = "cert_file: cert.pem, key_file: key.pem";
    let provider = bench();
    provider.manager.shutdown().await;
    let (ours, others) = (authority(), authority());
    let address = target("target.example", &ours).await;
    let (good, strange) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    write(good.path(), &ours, &ours);
    write(strange.path(), &ours, &others);
    let named = "ca_file: ca.pem, server_name: target.example";
    for (folder, tls, error) in [
        (&good, format!("{named}, {CLIENT}"), None),
        (&good, named.to_owned(), Some("CertificateRequired")),
        (
            &good,
            format!("server_name: target.example, {CLIENT}"),
            Some("UnknownIssuer"),
        ),
        (&good, format!("ca_file: ca.pem, {CLIENT}"), Some("not valid for name")),
        (&strange, format!("{named}, {CLIENT}"), Some("alert")),
    ] {
        let bench = bench();
        let more = format!("  tls_config: {{{tls}}}\n");
        let target = scraped(&bench, folder.path(), &address.to_string(), &more).await;
        match error {
            None => assert_eq!(target.last_error, "", "{tls}"),
            Some(error) => assert!(target.last_error.contains(error), "{tls}: {}", target.last_error),
        }
        bench.manager.shutdown().await;
    }

    // By its name, through a proxy's tunnel.
    let proxy = Proxy::start(address).await;
    let more = format!(
        "  proxy_url: 'http://{}'\n  proxy_connect_header: {{X-Team: [metrics]}}\n  tls_config: {{ca_file: ca.pem, {CLIENT}}}\n",
        proxy.address
    );
    let bench = bench();
    let target = scraped(&bench, good.path(), "target.example:443", &more).await;
    assert_eq!(target.last_error, "");
    bench
        .stored("{__name__=\"a\", instance=\"target.example:443\", job=\"j\"} 1")
        .await;
    assert!(proxy.was_asked("CONNECT target.example:443 HTTP/1.1", "x-team: metrics"));
    bench.manager.shutdown().await;
}
