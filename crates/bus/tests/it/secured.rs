//! A broker that wants TLS, a client's certificate and a password.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use krafka::testing::FakeBroker;
use prometheus::Registry;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use skopos_bus::dead_letters::{Filter, Pace};
use skopos_bus::{
    BusConfig, BusError, BusMetrics, Consumer, ConsumerOptions, DeadLetters, Delivery, Event, HandleError, Producer,
    Security, dlq_topic, ensure_topics,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::site::{GROUP, TOPIC, eventually};

const USER: &str = "ada";
const PASSWORD: &str = "correct horse";
/// Longest wait for a broker that lets us in.
const PATIENCE: Duration = Duration::from_secs(30);

type Authority = CertifiedIssuer<'static, KeyPair>;

/// The broker behind a door that speaks TLS, at a port of 127.0.0.1.
struct Guarded {
    port: u16,
    folder: TempDir,
    _broker: FakeBroker,
}

impl Guarded {
    /// With a certificate of that name.
    async fn start(name: &str) -> Self {
        let broker = FakeBroker::start().await.expect("a broker");
        broker.require_sasl_plain(USER, PASSWORD);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        broker.with_state(|state| {
            state.auto_create_topics = false;
            for broker in &mut state.brokers {
                "127.0.0.1".clone_into(&mut broker.host);
                broker.port = i32::from(port);
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, others) = (authority(), authority());
        let (certificate, key) = certified(name, &ours);
        let acceptor = acceptor(&ours, &certificate, &key);
        write(folder.path(), "ca.pem", &ours.pem());
        write(folder.path(), "other-ca.pem", &others.pem());
        let (certificate, key) = certified("skopos", &ours);
        write(folder.path(), "client.pem", &certificate);
        write(folder.path(), "client.key", &key);
        tokio::spawn(open_door(
            listener,
            acceptor,
            broker.broker_addr(0).expect("it listens"),
        ));
        Self {
            port,
            folder,
            _broker: broker,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Settings that are let in, with some of the variables changed; none unsets one.
    fn config(&self, changes: &[(&str, Option<PathBuf>)]) -> BusConfig {
        let security = Security::from_lookup(|name| {
            if let Some((_, value)) = changes.iter().find(|(changed, _)| *changed == name) {
                return value.clone().map(Into::into);
            }
            match name {
                "KAFKA_SECURITY_PROTOCOL" => Some("SASL_SSL".into()),
                "KAFKA_SASL_MECHANISM" => Some("PLAIN".into()),
                "KAFKA_SASL_USERNAME" => Some(USER.into()),
                "KAFKA_SASL_PASSWORD" => Some(PASSWORD.into()),
                "KAFKA_SSL_CA_LOCATION" => Some(self.file("ca.pem").into()),
                "KAFKA_SSL_CERTIFICATE_LOCATION" => Some(self.file("client.pem").into()),
                "KAFKA_SSL_KEY_LOCATION" => Some(self.file("client.key").into()),
                _ => None,
            }
        });
        BusConfig {
            security: security.expect("complete"),
            ..self.plain_config()
        }
    }

    fn plain_config(&self) -> BusConfig {
        BusConfig::parse(&format!("kafka://127.0.0.1:{}", self.port), "test").expect("an address")
    }
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Certificate and key of a name, as PEM.
fn certified(name: &str, authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    // By its default it would be the issuer's, and the certificate pass for one that it signed itself.
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("it is written");
}

/// Shows the certificate, and wants one of the client by the same authority.
fn acceptor(authority: &Authority, certificate: &str, key: &str) -> TlsAcceptor {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pem())).expect("an authority");
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients.expect("an authority"))
        .with_single_cert(
            vec![der(certificate)],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM"),
        )
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

/// Hands on what clients say, once they have shaken hands.
async fn open_door(listener: TcpListener, acceptor: TlsAcceptor, inner: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut client) = acceptor.accept(stream).await else {
                return;
            };
            if let Ok(mut broker) = TcpStream::connect(inner).await {
                // Either side may hang up at any time.
                drop(tokio::io::copy_bidirectional(&mut client, &mut broker).await);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_written_listed_and_replayed() {
    let guarded = Guarded::start("127.0.0.1").await;
    let config = guarded.config(&[]);
    let topics = [TOPIC, &dlq_topic(TOPIC)];
    ensure_topics(&config, &topics, 1, PATIENCE).await.expect("topics");
    let metrics = BusMetrics::register(&Registry::new()).expect("once");
    let producer = Producer::new(&config, metrics.clone()).expect("a producer");
    let letters = DeadLetters::new(&config, metrics.clone()).expect("a view");
    let options = ConsumerOptions::new(GROUP, &[TOPIC]);
    let consumer = Consumer::subscribe(&config, options, producer.clone(), metrics).expect("a group");
    let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
    let worker = tokio::spawn({
        let (seen, stop) = (Arc::clone(&seen), stop.clone());
        async move {
            let handle = |delivery: Delivery| {
                let mut seen = seen.lock().expect("not poisoned");
                let is_first = seen.is_empty();
                seen.push(delivery.event.id);
                let answer = Err(HandleError::permanent("no_stock", "it cannot be packed"));
                async move { if is_first { answer } else { Ok(()) } }
            };
            consumer.run(stop, handle).await;
        }
    });

    let event = Event::new("order", json!({ "number": 1 }));
    producer
        .publish(TOPIC, "shop", event.clone())
        .await
        .expect("it is taken");
    let letter = eventually(async || letters.list(&Filter::default()).await.expect("it is up").pop()).await;
    assert_eq!(letter.letter.original_event["id"], event.id);
    let outcome = letters.replay(&Filter::default(), Pace::Full, "ann").await;
    assert_eq!(outcome.expect("it is up").done, [letter.id]);
    eventually(async || (*seen.lock().expect("not poisoned") == [&*event.id, &*event.id]).then_some(())).await;
    stop.cancel();
    worker.await.expect("no panic in the worker");
}

/// Waits until the refusal has that reason: a slow machine may cut an attempt short, and a broker that hangs up may be
/// quicker than its own last word.
async fn refused(config: &BusConfig, reason: &str) {
    let started = Instant::now();
    loop {
        let answer = ensure_topics(config, &[TOPIC], 1, Duration::ZERO).await;
        let error = answer.expect_err("the broker does not let us in");
        assert!(matches!(error, BusError::Unreachable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("KAFKA_SECURITY_PROTOCOL") && !text.contains("horse"),
            "{text}"
        );
        if text.contains(reason) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "not for {reason}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_why() {
    let guarded = Guarded::start("127.0.0.1").await;
    let password = guarded.config(&[("KAFKA_SASL_PASSWORD", Some("wrong horse".into()))]);
    let authority = guarded.config(&[("KAFKA_SSL_CA_LOCATION", Some(guarded.file("other-ca.pem")))]);
    let certificate = guarded.config(&[
        ("KAFKA_SSL_CERTIFICATE_LOCATION", None),
        ("KAFKA_SSL_KEY_LOCATION", None),
    ]);
    let plain = guarded.plain_config();
    tokio::join!(
        refused(&password, "SASL authentication error"),
        refused(&authority, "certificate verify failed"),
        refused(&certificate, "certificate required"),
        // What a client makes of TLS that it does not expect is its own affair.
        refused(&plain, "/bootstrap: "),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_names_the_host_unless_nobody_looks() {
    let elsewhere = Guarded::start("broker.example").await;
    refused(&elsewhere.config(&[]), "certificate verify failed").await;
    let unlooked = [("KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM", Some("none".into()))];
    let answer = ensure_topics(&elsewhere.config(&unlooked), &[TOPIC], 1, PATIENCE).await;
    answer.expect("let in");
}
