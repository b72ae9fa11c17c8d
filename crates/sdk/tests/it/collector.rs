//! A collector on a real socket that keeps what it is sent, and can be pulled away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;

type Received = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A collector of its own runtime: dropping it closes every socket, as a killed process does.
pub(crate) struct Collector {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
    received: Received,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

impl Collector {
    pub(crate) fn http() -> Self {
        async fn keep(State(received): State<Received>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
            let path = uri.path().to_owned();
            received
                .lock()
                .expect("no panic while held")
                .push((path, headers, body));
            StatusCode::OK
        }
        let received = Received::default();
        let router = Router::new().fallback(keep).with_state(Arc::clone(&received));
        let runtime = runtime();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("binds");
        let address = listener.local_addr().expect("bound");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            runtime: Some(runtime),
            address,
            received,
        }
    }

    pub(crate) fn grpc() -> Self {
        let received = Received::default();
        let service = TraceServiceServer::new(Grpc(Arc::clone(&received)));
        let runtime = runtime();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("binds");
        let address = listener.local_addr().expect("bound");
        let server = tonic::transport::Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            runtime: Some(runtime),
            address,
            received,
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.received().into_iter().map(|(path, ..)| path).collect()
    }

    /// Tells how many requests came so far, also once it is killed.
    #[cfg(feature = "errors")]
    pub(crate) fn received_count(&self) -> impl Fn() -> usize + use<> {
        let received = Arc::clone(&self.received);
        move || received.lock().expect("no panic while held").len()
    }

    /// Path, headers and body of each request so far.
    pub(crate) fn received(&self) -> Vec<(String, HeaderMap, Bytes)> {
        self.received.lock().expect("no panic while held").clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Grpc(Received);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let body = Bytes::from(request.get_ref().encode_to_vec());
        let headers = request.metadata().clone().into_headers();
        self.0
            .lock()
            .expect("no panic while held")
            .push(("grpc".to_owned(), headers, body));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
