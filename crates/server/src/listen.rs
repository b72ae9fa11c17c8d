//! TCP listeners: binding with errors that help, bounded connections, graceful drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::classic::ClassicApi;
use crate::request_span::OverTls;
use crate::statsd::StatsdSockets;
use crate::telemetry;
use crate::web_guard::WebGuard;

/// How long a client may take to send a request's head.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests in flight on one HTTP/2 connection.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Pause after a failed accept, for instance without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to listen: `host:port`; `None` leaves a listener off.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// The page and all HTTP APIs.
    pub http: String,
    /// OTLP over HTTP.
    pub otlp_http: Option<String>,
    /// OTLP over gRPC.
    pub otlp_grpc: Option<String>,
    /// StatsD over UDP and TCP.
    pub statsd: Option<String>,
    /// Classic ports.
    pub classic: Vec<ClassicAddress>,
}

/// Where a classic port is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicAddress {
    /// What is served.
    pub api: ClassicApi,
    /// `host:port`.
    pub address: String,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            http: "127.0.0.1:9090".to_owned(),
            otlp_http: Some("127.0.0.1:4318".to_owned()),
            otlp_grpc: Some("127.0.0.1:4317".to_owned()),
            statsd: None,
            classic: Vec::new(),
        }
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address} for {purpose}: {source}\n{}", self.advice())]
pub struct BindError {
    /// The address as given.
    pub address: String,
    /// What it is for.
    pub purpose: &'static str,
    /// The flag that changes it.
    pub flag: &'static str,
    /// What the system said.
    pub source: io::Error,
}

impl BindError {
    fn advice(&self) -> String {
        let flag = self.flag;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                format!("another process listens there: stop it, or choose another address with {flag}=HOST:PORT")
            }
            io::ErrorKind::PermissionDenied => {
                format!("ports below 1024 need privileges: choose another address with {flag}=HOST:PORT")
            }
            _ => format!("check the address given with {flag}=HOST:PORT"),
        }
    }
}

/// The bound listeners.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) http: TcpListener,
    pub(crate) otlp_http: Option<TcpListener>,
    pub(crate) otlp_grpc: Option<TcpListener>,
    pub(crate) statsd: Option<StatsdSockets>,
    pub(crate) classic: Vec<(ClassicApi, TcpListener)>,
}

impl Listeners {
    /// Binds all addresses, or none.
    pub async fn bind(options: &ListenOptions) -> Result<Self, BindError> {
        let http = bind(&options.http, "the page and the HTTP APIs", "--web.listen-address").await?;
        let otlp_http = match &options.otlp_http {
            Some(address) => Some(bind(address, "OTLP over HTTP", "--otlp.http-listen-address").await?),
            None => None,
        };
        let otlp_grpc = match &options.otlp_grpc {
            Some(address) => Some(bind(address, "OTLP over gRPC", "--otlp.grpc-listen-address").await?),
            None => None,
        };
        let statsd = match &options.statsd {
            Some(address) => Some(bind_statsd(address).await?),
            None => None,
        };
        let mut classic = Vec::with_capacity(options.classic.len());
        for ClassicAddress { api, address } in &options.classic {
            let port = api.port();
            classic.push((*api, bind(address, port.purpose, port.flag).await?));
        }
        Ok(Self {
            http,
            otlp_http,
            otlp_grpc,
            statsd,
            classic,
        })
    }

    /// The addresses of the classic ports that are open.
    pub fn classic_addresses(&self) -> Vec<(ClassicApi, SocketAddr)> {
        let bound = self.classic.iter();
        bound
            .filter_map(|(api, listener)| Some((*api, listener.local_addr().ok()?)))
            .collect()
    }

    /// The address of the page and the HTTP APIs; with the port that the system chose for port 0.
    pub fn http_address(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// The address of OTLP over HTTP.
    pub fn otlp_http_address(&self) -> Option<SocketAddr> {
        self.otlp_http.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// The address of StatsD.
    pub fn statsd_address(&self) -> Option<SocketAddr> {
        self.statsd.as_ref().and_then(|sockets| sockets.tcp.local_addr().ok())
    }

    /// The address of OTLP over gRPC.
    pub fn otlp_grpc_address(&self) -> Option<SocketAddr> {
        self.otlp_grpc.as_ref().and_then(|listener| listener.local_addr().ok())
    }
}

/// UDP takes the port that TCP got.
async fn bind_statsd(address: &str) -> Result<StatsdSockets, BindError> {
    let failed = |source| BindError {
        address: address.to_owned(),
        purpose: "StatsD",
        flag: "--statsd.listen-address",
        source,
    };
    let tcp = bind(address, "StatsD", "--statsd.listen-address").await?;
    let bound = tcp.local_addr().map_err(failed)?;
    let udp = UdpSocket::bind(bound).await.map_err(failed)?;
    Ok(StatsdSockets { udp, tcp })
}

async fn bind(address: &str, purpose: &'static str, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError {
        address: address.to_owned(),
        purpose,
        flag,
        source,
    })
}

/// Serves a router on a listener.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) name: &'static str,
    pub(crate) router: Router,
    /// Where connections are encrypted.
    pub(crate) tls: Option<Arc<WebGuard>>,
    pub(crate) max_connections: usize,
    /// Ends accepting and lets requests in flight finish.
    pub(crate) drain: CancellationToken,
    /// Ends connections at once.
    pub(crate) kill: CancellationToken,
    pub(crate) connections: TaskTracker,
}

impl Acceptor {
    /// Accepts connections until the drain begins.
    pub(crate) async fn run(self, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(self.max_connections));
        loop {
            let accepted = tokio::select! {
                () = self.drain.cancelled() => return,
                accepted = accept(&listener, &permits) => accepted,
            };
            match accepted {
                Ok((stream, peer, permit)) => {
                    self.connections.spawn(self.connection(stream, peer, permit));
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let is_encrypted = self.tls.is_some();
        let with_peer = move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if is_encrypted {
                request.extensions_mut().insert(OverTls);
            }
            request
        };
        let service = TowerToHyperService::new(self.router.clone().map_request(with_peer));
        let ends = Ends {
            name: self.name,
            drain: self.drain.clone(),
            kill: self.kill.clone(),
        };
        let tls = self.tls.clone();
        async move {
            let gauge = telemetry::CONNECTIONS.with_label_values(&[ends.name]);
            gauge.inc();
            match tls {
                None => converse(TokioIo::new(stream), service, ends).await,
                Some(guard) => match encrypted(stream, guard, &ends).await {
                    Ok(stream) => converse(TokioIo::new(stream), service, ends).await,
                    Err(reason) => {
                        telemetry::WEB_REFUSED.with_label_values(&["tls"]).inc();
                        tracing::debug!(listener = ends.name, %peer, reason, "a TLS handshake failed");
                    }
                },
            }
            gauge.dec();
            drop(permit);
        }
    }
}

/// How a connection ends.
struct Ends {
    name: &'static str,
    drain: CancellationToken,
    kill: CancellationToken,
}

/// Makes the TLS handshake, with certificates as they are now.
async fn encrypted(stream: TcpStream, guard: Arc<WebGuard>, ends: &Ends) -> Result<TlsStream<TcpStream>, String> {
    let read = tokio::task::spawn_blocking(move || guard.tls());
    let config = match read.await {
        Ok(Ok(config)) => config,
        Ok(Err(reason)) => {
            tracing::error!(
                listener = ends.name,
                reason,
                "the web configuration cannot be read: no connection is taken"
            );
            return Err(reason);
        }
        Err(error) => return Err(error.to_string()),
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    tokio::select! {
        () = ends.kill.cancelled() => Err("the server ends".to_owned()),
        () = tokio::time::sleep(HANDSHAKE_TIMEOUT) => Err("it took too long".to_owned()),
        done = handshake => done.map_err(|error| error.to_string()),
    }
}

/// Answers the requests of a connection until it ends.
async fn converse<I, S>(io: I, service: TowerToHyperService<S>, ends: Ends)
where
    I: Read + Write + Unpin + Send + 'static,
    S: tower::Service<hyper::Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let builder = connection_builder();
    let connection = builder.serve_connection_with_upgrades(io, service);
    tokio::pin!(connection);
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(listener = ends.name, %error, "a connection ended with an error");
                }
                break;
            }
            () = ends.drain.cancelled(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            () = ends.kill.cancelled() => break,
        }
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS);
    builder
}
