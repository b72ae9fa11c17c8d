//! Scrapes, and the tokens for them, through a proxy.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{bench, serve};

/// A proxy that forwards and tunnels to one place, whatever host is asked for, and notes what it was asked.
pub(crate) struct Proxy {
    pub(crate) address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn start(to: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, to, Arc::clone(&notes)));
            }
        });
        Self { address, asked }
    }

    /// Whether a request's head began so and had the text.
    pub(crate) fn was_asked(&self, start: &str, text: &str) -> bool {
        let asked = self.asked.lock();
        asked.iter().any(|head| head.starts_with(start) && head.contains(text))
    }
}

/// The first request of a connection decides where it goes; what follows is passed on.
async fn carry(mut client: TcpStream, to: std::net::SocketAddr, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let mut server = TcpStream::connect(to).await.expect("the place is open");
    if head.starts_with(b"CONNECT ") {
        client
            .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
            .await
            .expect("it listens");
    } else {
        server.write_all(&head).await.expect("it listens");
    }
    asked.lock().push(String::from_utf8_lossy(&head).into_owned());
    // Either side may end it.
    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
}

#[tokio::test]
async fn scrapes_and_tokens_go_through_their_proxies() {
    let token = || async { axum::Json(serde_json::json!({ "access_token": "t" })) };
    let metrics = || async { ([("content-type", "text/plain")], "a 1\n") };
    let router = Router::new()
        .route("/token", post(token))
        .route("/metrics", get(metrics));
    let address = serve(router).await;
    let (scrapes, tokens) = (Proxy::start(address).await, Proxy::start(address).await);
    let bench = bench();
    // No resolver knows these names: who asked for them without the proxy would fail.
    bench.apply(&format!(
        "- job_name: j\n  proxy_url: 'http://user:password@{}'\n  no_proxy: 127.0.0.1\n  \
         static_configs: [{{targets: ['metrics.invalid:80', '{address}']}}]\n  \
         oauth2: {{client_id: c, client_secret: s, token_url: 'http://tokens.invalid/token', proxy_url: 'http://{}'}}\n",
        scrapes.address, tokens.address
    ));
    for instance in ["metrics.invalid:80", &address.to_string()] {
        let line = format!("{{__name__=\"a\", instance=\"{instance}\", job=\"j\"}} 1");
        bench.stored(&line).await;
    }
    assert!(scrapes.was_asked(
        "GET http://metrics.invalid/metrics HTTP/1.1",
        "proxy-authorization: Basic dXNlcjpwYXNzd29yZA=="
    ));
    assert!(tokens.was_asked("POST http://tokens.invalid/token HTTP/1.1", ""));
    assert!(!scrapes.was_asked("", "tokens.invalid") && !tokens.was_asked("", "metrics.invalid"));
    assert!(!scrapes.was_asked("", &address.to_string()), "it needs no proxy");
    bench.manager.shutdown().await;
}
