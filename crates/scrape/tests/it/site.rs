//! A small HTTP server whose answer tests can change.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Default)]
struct Shared {
    answer: Mutex<Vec<u8>>,
    last_request: Mutex<String>,
}

pub(crate) struct Site {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Site {
    /// A server on a free port that answers `body` as text.
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let site = Self {
            address,
            shared: Arc::clone(&shared),
        };
        site.answer(body);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        site
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn answer(&self, body: &str) {
        self.answer_as("text/plain; version=0.0.4", body);
    }

    pub(crate) fn answer_as(&self, content_type: &str, body: &str) {
        self.set("200 OK", &format!("content-type: {content_type}\r\n"), body.as_bytes());
    }

    pub(crate) fn answer_bytes(&self, content_type: &str, body: &[u8]) {
        self.set("200 OK", &format!("content-type: {content_type}\r\n"), body);
    }

    pub(crate) fn answer_gzip(&self, content_type: &str, body: &str) {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(body.as_bytes()).expect("writes to memory");
        let packed = packed.finish().expect("writes to memory");
        self.set(
            "200 OK",
            &format!("content-type: {content_type}\r\ncontent-encoding: gzip\r\n"),
            &packed,
        );
    }

    pub(crate) fn answer_status(&self, status: &str) {
        self.set(status, "", b"");
    }

    /// The head of the request that came last, names of headers in lower case.
    pub(crate) fn last_request(&self) -> String {
        self.shared
            .last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, status: &str, headers: &str, body: &[u8]) {
        let mut answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        head.extend_from_slice(&buffer[..length]);
        if head.ends_with(b"\r\n\r\n") {
            *shared.last_request.lock().unwrap_or_else(PoisonError::into_inner) =
                String::from_utf8_lossy(&head).into_owned();
            head.clear();
            let answer = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}
