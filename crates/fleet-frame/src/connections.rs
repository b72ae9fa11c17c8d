//! Counts the connections that a listener has open, each from its acceptance to its end.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::serve::Listener;
use prometheus::{IntGauge, Registry};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The gauge `http_connections_active` of one service.
#[derive(Debug, Clone)]
pub struct OpenConnections(IntGauge);

impl OpenConnections {
    /// Registers the gauge.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let open = IntGauge::new(
            "http_connections_active",
            "HTTP connections that clients hold open, whether a request is on them or not.",
        )?;
        registry.register(Box::new(open.clone()))?;
        Ok(Self(open))
    }

    pub(crate) fn of(self, listener: TcpListener) -> CountedListener {
        CountedListener { listener, open: self.0 }
    }
}

/// A listener whose connections are counted.
#[derive(Debug)]
pub(crate) struct CountedListener {
    listener: TcpListener,
    open: IntGauge,
}

impl Listener for CountedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        self.open.inc();
        let open = self.open.clone();
        (Connection { stream, open }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    open: IntGauge,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_connection_counts_until_it_ends() {
        let connections = OpenConnections::register(&Registry::new()).expect("a new registry");
        let open = connections.0.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut listener = connections.of(listener);
        let address = listener.local_addr().expect("bound");
        let clients = [
            TcpStream::connect(address).await.expect("it listens"),
            TcpStream::connect(address).await.expect("it listens"),
        ];
        let (mut first, _) = listener.accept().await;
        let (second, _) = listener.accept().await;
        assert_eq!(open.get(), 2);
        drop(clients);
        let read = first.read(&mut [0; 1]).await.expect("an end");
        assert_eq!((read, open.get()), (0, 2));
        drop(first);
        assert_eq!(open.get(), 1);
        drop(second);
        assert_eq!(open.get(), 0);
    }
}
