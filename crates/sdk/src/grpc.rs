//! gRPC with tonic: layers for client and server that span, measure and carry the trace context.
//!
//! Spans and the histograms `rpc.client.duration` and `rpc.server.duration` (ms) follow the semantic conventions for RPC.
//! A call ends with its status, which streams bring in their trailers.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use skopos_sdk::grpc::{GrpcClientLayer, GrpcServerLayer};
//! use tower::Layer;
//!
//! let channel = tonic::transport::Channel::from_static("http://localhost:50051").connect().await?;
//! let channel = GrpcClientLayer::new().layer(channel);
//! // GreeterClient::new(channel)
//!
//! let server = tonic::transport::Server::builder().layer(GrpcServerLayer::new());
//! // server.add_service(…).serve(…)
//! # drop((channel, server)); Ok(()) }
//! ```

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use opentelemetry::global;
use opentelemetry::metrics::{Histogram, Meter};
use tower::{Layer, Service};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::propagation::inject_http;

pub use body::ObservedBody;
use call::{Call, Side};

mod body;
mod call;

/// Upper bounds in milliseconds, as the conventions advise.
const BUCKETS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0,
];

fn histogram(meter: &Meter, name: &'static str) -> Histogram<f64> {
    meter
        .f64_histogram(name)
        .with_unit("ms")
        .with_description("Duration of remote procedure calls.")
        .with_boundaries(BUCKETS.to_vec())
        .build()
}

macro_rules! layer {
    ($(#[$doc:meta])* $layer:ident, $side:expr, $metric:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $layer {
            duration: Histogram<f64>,
        }

        impl Default for $layer {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $layer {
            /// On the process's own meter, so observability is set up first.
            pub fn new() -> Self {
                Self::with_meter(&global::meter("skopos-sdk"))
            }

            /// On any meter.
            pub fn with_meter(meter: &Meter) -> Self {
                Self { duration: histogram(meter, $metric) }
            }
        }

        impl<S> Layer<S> for $layer {
            type Service = GrpcService<S>;

            fn layer(&self, inner: S) -> GrpcService<S> {
                GrpcService { inner, side: $side, duration: self.duration.clone() }
            }
        }
    };
}

layer! {
    /// For a channel: a client span for each call, whose context goes out in the metadata.
    GrpcClientLayer, Side::Client, "rpc.client.duration"
}
layer! {
    /// For a server: a server span for each call, a child of the caller's.
    GrpcServerLayer, Side::Server, "rpc.server.duration"
}

/// A service whose calls are observed.
#[derive(Debug, Clone)]
pub struct GrpcService<S> {
    inner: S,
    side: Side,
    duration: Histogram<f64>,
}

impl<S, In, Out> Service<Request<In>> for GrpcService<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Future: Send + 'static,
    S::Error: std::fmt::Display,
{
    type Response = Response<ObservedBody<Out>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        let call = Call::start(self.side, &request, self.duration.clone());
        let span = call.span().clone();
        if self.side == Side::Client {
            inject_http(&span.context(), request.headers_mut());
        }
        let serve = span.in_scope(|| self.inner.call(request));
        Box::pin(
            async move {
                let mut call = call;
                match serve.await {
                    Ok(response) => {
                        call.see(response.headers());
                        Ok(response.map(|body| ObservedBody::new(body, call)))
                    }
                    Err(error) => {
                        call.break_off(&error);
                        Err(error)
                    }
                }
            }
            .instrument(span),
        )
    }
}
