//! The listener on the chosen port: Kafka bytes go to the inner broker, HTTP connections to whoever serves them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use skopos_log_macros::{self as log, chain};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::HttpConnection;
use super::stats::Traffic;

/// How long a new connection may stay silent before it is taken for a Kafka client that waits.
const SNIFF_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept (too many open files), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn accept(
    listener: TcpListener,
    inner: SocketAddr,
    traffic: Arc<Traffic>,
    http: mpsc::Sender<HttpConnection>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, inner, Arc::clone(&traffic), http.clone()));
                }
                Err(error) => {
                    log::warn!(error = chain(&error), "accept a bus connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    inner: SocketAddr,
    traffic: Arc<Traffic>,
    http: mpsc::Sender<HttpConnection>,
) {
    if is_http(&stream).await {
        if http.try_send((stream, peer)).is_err() {
            log::debug!("HTTP connection on the bus port closed: nobody serves it");
        }
        return;
    }
    if traffic.refuse.load(Ordering::Relaxed) {
        return;
    }
    traffic.connections_total.fetch_add(1, Ordering::Relaxed);
    traffic.connections.fetch_add(1, Ordering::Relaxed);
    if let Err(error) = forward(stream, inner, &traffic).await {
        log::debug!(error = chain(&error), "bus connection ended");
    }
    traffic.connections.fetch_sub(1, Ordering::Relaxed);
}

/// `GET ` read as the length of a Kafka frame is 1.2 GB, which no client sends.
async fn is_http(stream: &TcpStream) -> bool {
    let mut first = [0_u8; 4];
    let peeked = tokio::time::timeout(SNIFF_TIMEOUT, async {
        loop {
            let read = stream.peek(&mut first).await?;
            if read == 0 || read == first.len() {
                return io::Result::Ok(());
            }
            tokio::task::yield_now().await;
        }
    });
    matches!(peeked.await, Ok(Ok(()))) && &first == b"GET "
}

async fn forward(mut client: TcpStream, inner: SocketAddr, traffic: &Traffic) -> io::Result<()> {
    let mut broker = TcpStream::connect(inner).await?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let (mut client_read, mut client_write) = client.split();
    let (mut broker_read, mut broker_write) = broker.split();
    tokio::select! {
        result = copy(&mut client_read, &mut broker_write, &traffic.bytes_in) => result,
        result = copy(&mut broker_read, &mut client_write, &traffic.bytes_out) => result,
    }
}

async fn copy(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    counted: &std::sync::atomic::AtomicU64,
) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0_u8; 8 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        counted.fetch_add(read as u64, Ordering::Relaxed);
        to.write_all(&buffer[..read]).await?;
    }
}
