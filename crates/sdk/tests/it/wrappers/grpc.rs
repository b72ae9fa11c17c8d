//! Calls between a real tonic client and server: one trace, both measured, every status told.

use opentelemetry::trace::{SpanContext, SpanKind, Status as SpanStatus};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use skopos_sdk::grpc::{GrpcClientLayer, GrpcServerLayer, GrpcService};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tower::{Layer, ServiceExt};

use super::recorded::{Recorded, attribute};
use crate::support::{active_span, set_up};

const METHOD: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

struct Service;

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        match request.into_inner().resource_spans.len() {
            0 => Ok(Response::new(ExportTraceServiceResponse::default())),
            1 => Err(Status::invalid_argument("one is wrong")),
            _ => Err(Status::internal("many break")),
        }
    }
}

/// Server and client on this thread, so that one subscriber sees both.
async fn connect(recorded: &Recorded) -> TraceServiceClient<GrpcService<Channel>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let server = Server::builder()
        .layer(GrpcServerLayer::with_meter(&recorded.meter))
        .add_service(TraceServiceServer::new(Service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    let channel = endpoint.connect().await.expect("connects");
    TraceServiceClient::new(GrpcClientLayer::with_meter(&recorded.meter).layer(channel))
}

fn spans(count: usize) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans::default(); count],
    }
}

#[tokio::test]
async fn client_and_server_span_are_one_trace() {
    let recorded = Recorded::start();
    let mut client = connect(&recorded).await;
    client.export(spans(0)).await.expect("accepted");
    let both = recorded.spans();
    let of = |kind: SpanKind| {
        both.iter()
            .find(|span| span.span_kind == kind)
            .expect("one of each kind")
    };
    let (client, server) = (of(SpanKind::Client), of(SpanKind::Server));
    assert_eq!((client.name.as_ref(), server.name.as_ref()), (METHOD, METHOD));
    assert_eq!(server.span_context.trace_id(), client.span_context.trace_id());
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert_eq!(attribute(client, "rpc.method").as_deref(), Some("Export"));
    assert_eq!(attribute(server, "rpc.grpc.status_code").as_deref(), Some("0"));
    for name in ["rpc_client_duration_milliseconds", "rpc_server_duration_milliseconds"] {
        assert_eq!(
            recorded.count(name, &[("rpc_method", "Export"), ("rpc_grpc_status_code", "0")]),
            1,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_bad_request_is_the_clients_error_and_a_break_is_both() {
    let recorded = Recorded::start();
    let mut client = connect(&recorded).await;
    client.export(spans(1)).await.expect_err("refused");
    client.export(spans(2)).await.expect_err("breaks");
    let all = recorded.spans();
    let failed = |kind: SpanKind| {
        let failed = all
            .iter()
            .filter(|span| span.span_kind == kind && span.status != SpanStatus::Unset);
        failed
            .filter_map(|span| attribute(span, "error.type"))
            .collect::<Vec<_>>()
    };
    assert_eq!(failed(SpanKind::Client), ["InvalidArgument", "Internal"]);
    assert_eq!(failed(SpanKind::Server), ["Internal"]);
    let labels = [("rpc_grpc_status_code", "3")];
    assert_eq!(recorded.count("rpc_server_duration_milliseconds", &labels), 1);
}

#[tokio::test]
async fn methods_that_do_not_exist_make_one_series() {
    let recorded = Recorded::start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let server = Server::builder()
        .layer(GrpcServerLayer::with_meter(&recorded.meter))
        .add_service(TraceServiceServer::new(Service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let url = format!("http://{address}");
    let mut logs = LogsServiceClient::connect(url.clone()).await.expect("connects");
    logs.export(ExportLogsServiceRequest::default())
        .await
        .expect_err("no such service");
    let mut metrics = MetricsServiceClient::connect(url).await.expect("connects");
    metrics
        .export(ExportMetricsServiceRequest::default())
        .await
        .expect_err("no such service");
    let labels = [("rpc_method", "_OTHER"), ("rpc_grpc_status_code", "12")];
    assert_eq!(recorded.count("rpc_server_duration_milliseconds", &labels), 2);
}

#[tokio::test]
async fn a_call_follows_its_caller_whatever_the_share_of_roots() {
    opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
    for (rate, flag, sampled) in [("1", "0", false), ("0", "1", true)] {
        let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", rate)]);
        let _guard = tracing::dispatcher::set_default(observability.dispatch());
        let answer = async |_: http::Request<()>| {
            let mut response = http::Response::new(());
            response
                .extensions_mut()
                .insert((active_span(), !tracing::info_span!("step").is_disabled()));
            Ok::<_, std::convert::Infallible>(response)
        };
        let layer = GrpcServerLayer::with_meter(&observability.meter("test"));
        let request = http::Request::post("/shop.Orders/Take").header("traceparent", format!("{parent}{flag}"));
        let answered = layer
            .layer(tower::service_fn(answer))
            .oneshot(request.body(()).expect("a request"));
        let Ok(response) = answered.await;
        let (here, inner_is_made): &(SpanContext, bool) = response.extensions().get().expect("what was seen");
        assert_eq!(here.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(here.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!((here.is_sampled(), *inner_is_made), (sampled, sampled));
    }
}
