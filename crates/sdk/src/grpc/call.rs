//! One call: its span, its duration and the status with which it ended.

use std::fmt::Display;
use std::time::Instant;

use http::{HeaderMap, Request, Uri};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::SpanKind;
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;

use crate::propagation::extract_http;
use crate::sampler::{UNSAMPLED_TARGET, span_of_caller};

/// Which end of the call is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Counted once, by the first of status, failure and drop.
#[derive(Debug)]
pub(super) struct Call {
    side: Side,
    span: Span,
    service: String,
    method: String,
    started: Instant,
    duration: Option<Histogram<f64>>,
}

impl Call {
    /// The path is `/package.Service/Method`.
    pub(super) fn start<B>(side: Side, request: &Request<B>, duration: Histogram<f64>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let (service, method) = path.split_once('/').unwrap_or((path, ""));
        let span = match side {
            Side::Client => whole(request.uri(), "client", [path, service, method]),
            Side::Server => span_of_caller(
                &SpanKind::Server,
                extract_http(request.headers()),
                || tracing::info_span!(target: UNSAMPLED_TARGET, "grpc", otel.kind = "server"),
                || whole(request.uri(), "server", [path, service, method]),
            ),
        };
        Self {
            side,
            span,
            service: service.to_owned(),
            method: method.to_owned(),
            started: Instant::now(),
            duration: Some(duration),
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Ends the call where headers or trailers bear its status.
    pub(super) fn see(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.end(Code::from_bytes(status.as_bytes()));
        }
    }

    /// Ends a call that got no answer.
    pub(super) fn break_off(&mut self, error: &impl Display) {
        self.span.record("error.message", error.to_string());
        self.end(Code::Unavailable);
    }

    /// Ends the call; a second end changes nothing.
    pub(super) fn end(&mut self, code: Code) {
        let Some(duration) = self.duration.take() else { return };
        let error_type = is_error(self.side, code).then(|| format!("{code:?}"));
        self.span.record("rpc.grpc.status_code", code as i32);
        if let Some(error_type) = &error_type {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", error_type.as_str());
        }
        // Strangers must not make series of methods that a server does not have.
        let unknown = self.side == Side::Server && code == Code::Unimplemented;
        let name = |name: &String| {
            if unknown {
                crate::tasks::OTHER.to_owned()
            } else {
                name.clone()
            }
        };
        let mut labels = vec![
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", name(&self.service)),
            KeyValue::new("rpc.method", name(&self.method)),
            KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)),
        ];
        labels.extend(error_type.map(|error_type| KeyValue::new("error.type", error_type)));
        duration.record(self.started.elapsed().as_secs_f64() * 1000.0, &labels);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

fn whole(uri: &Uri, kind: &'static str, [path, service, method]: [&str; 3]) -> Span {
    tracing::info_span!(
        "grpc",
        otel.name = path,
        otel.kind = kind,
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        server.address = uri.host(),
        server.port = uri.port_u16(),
        error.type = Empty,
        error.message = Empty,
    )
}

/// For a client every status but OK; for a server those that are its own fault (conventions for gRPC).
fn is_error(side: Side, code: Code) -> bool {
    match side {
        Side::Client => code != Code::Ok,
        Side::Server => matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ),
    }
}
