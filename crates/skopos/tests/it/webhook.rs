//! A local web server that keeps what is sent to it: the receiver, the outside check, the other
//! Alertmanager of tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) path: String,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
    /// Its JSON; null where there is none.
    pub(crate) body: Value,
}

/// The server; its tasks end with the test's runtime.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Webhook {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { address, received }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that came to a path.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        let received = self.received.lock();
        received
            .iter()
            .filter(|request| request.path == path)
            .cloned()
            .collect()
    }

    /// Notifications at a path of a status with an alert that has the label `unit`.
    pub(crate) fn told(&self, path: &str, status: &str, unit: &str) -> Vec<Received> {
        let has_unit = |request: &Received| {
            let alerts = request.body["alerts"].as_array().cloned().unwrap_or_default();
            alerts
                .iter()
                .any(|alert| alert["labels"]["unit"] == unit && alert["status"] == status)
        };
        let mut told = self.received(path);
        told.retain(has_unit);
        told
    }

    /// Waits for such a notification.
    pub(crate) async fn wait_told(&self, path: &str, status: &str, unit: &str) -> Received {
        eventually(&format!("{path} is told that {unit} is {status}"), async || {
            self.told(path, status, unit).pop()
        })
        .await
    }
}

/// Waits until `ask` gives something.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Paths below this one answer 400.
const REFUSED: &str = "/refused";

/// Answers each request of a connection with 200, but for the refused paths.
async fn serve(stream: TcpStream, received: Arc<Mutex<Vec<Received>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let status = if request.path.starts_with(REFUSED) {
            "400 Bad Request"
        } else {
            "200 OK"
        };
        received.lock().push(request);
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request; `None` at the end.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received {
        at: Instant::now(),
        path,
        authorization,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
