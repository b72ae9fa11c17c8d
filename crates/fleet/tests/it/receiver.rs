//! An OTLP receiver that keeps the spans it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// One span, as far as the tests look at it.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedSpan {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: String,
    /// Texts, numbers and truth values, written out.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Whether no key occurs twice, as OTLP demands of attributes.
    pub(crate) has_unique_keys: bool,
    pub(crate) is_error: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Receiver {
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
}

impl Receiver {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let receiver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(receiver.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        (receiver, address)
    }

    pub(crate) fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        let spans = self.spans.lock().expect("no panic while held");
        spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }

    /// All spans of a service, of any trace.
    pub(crate) fn of_service(&self, service: &str) -> Vec<ReceivedSpan> {
        let spans = self.spans.lock().expect("no panic while held");
        spans.iter().filter(|span| span.service == service).cloned().collect()
    }

    pub(crate) fn services(&self, trace_id: &str) -> BTreeSet<String> {
        self.trace(trace_id).into_iter().map(|span| span.service).collect()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().expect("no panic while held");
        for of_resource in request.into_inner().resource_spans {
            let resource = of_resource.resource.unwrap_or_default();
            let attribute = |key: &str| {
                let found = resource.attributes.iter().find(|attribute| attribute.key == key);
                match found.and_then(|a| a.value.as_ref()).and_then(|v| v.value.as_ref()) {
                    Some(Value::StringValue(text)) => text.clone(),
                    _ => String::new(),
                }
            };
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let status = span.status.unwrap_or_default();
                spans.push(ReceivedSpan {
                    has_unique_keys: are_unique(&span.attributes),
                    attributes: written_out(&span.attributes),
                    is_error: status.code() == StatusCode::Error,
                    service: attribute("service.name"),
                    environment: attribute("deployment.environment"),
                    name: span.name,
                    trace_id: hex::encode(&span.trace_id),
                    span_id: hex::encode(&span.span_id),
                    parent_id: hex::encode(&span.parent_span_id),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn are_unique(attributes: &[KeyValue]) -> bool {
    let mut keys = BTreeSet::new();
    attributes.iter().all(|attribute| keys.insert(&attribute.key))
}

fn written_out(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let pairs = attributes.iter().filter_map(|attribute| {
        let text = match attribute.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            Value::DoubleValue(number) => number.to_string(),
            Value::BoolValue(is_so) => is_so.to_string(),
            _ => return None,
        };
        Some((attribute.key.clone(), text))
    });
    pairs.collect()
}
