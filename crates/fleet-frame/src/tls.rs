//! A listener that speaks TLS. Handshakes go on beside one another, so that a slow one holds up nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use skopos_sdk::log::{self, chain};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A client that has not shaken hands by then is let go.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// So many are under way at one time; further clients wait to be accepted.
const MAX_HANDSHAKES: usize = 128;

type Ready = (TlsStream<TcpStream>, SocketAddr);

/// Accepts connections whose handshake is done.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<Ready>>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self {
            listener,
            acceptor: config.into(),
            handshakes: JoinSet::new(),
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Ready {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener), if self.handshakes.len() < MAX_HANDSHAKES => {
                    self.handshakes.spawn(handshake(self.acceptor.clone(), stream, address));
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(ready)) = done {
                        return ready;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) -> Option<Ready> {
    let limited = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream));
    match limited.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => Some((stream, address)),
        Err(error) => {
            log::warn!(client = %address, error = chain(&error), "a TLS handshake failed");
            None
        }
    }
}
