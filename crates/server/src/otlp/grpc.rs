//! OTLP over gRPC: the trace, logs and metrics services.

use std::sync::Arc;

use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_wire::otlp::{Rejected, logs_response, metrics_response, traces_response};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::store;
use crate::doors::Door;
use crate::ingest::{self, IngestError};
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::tenant::tenant_of;

const DOOR: &str = "otlp_grpc";

/// The three services as a router.
pub(crate) fn router(app: &Shared) -> Router {
    let limit = app.state.options.max_body_bytes;
    let receiver = || Receiver { app: Arc::clone(app) };
    let traces = TraceServiceServer::new(receiver())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let logs = LogsServiceServer::new(receiver())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let metrics = MetricsServiceServer::new(receiver())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    Routes::new(traces)
        .add_service(logs)
        .add_service(metrics)
        .into_axum_router()
}

#[derive(Debug)]
struct Receiver {
    app: Shared,
}

impl Receiver {
    /// Stores one export on the ingest pool.
    async fn receive(
        &self,
        door: Door,
        store: impl FnOnce(&App, &Door) -> Result<Rejected, WriteError> + Send + 'static,
    ) -> Result<Rejected, Status> {
        ingest::run(&self.app, door, store).await.map_err(|error| match error {
            IngestError::Write(_) | IngestError::Pool(PoolError::Busy) => Status::unavailable(error.to_string()),
            IngestError::Pool(PoolError::Panicked(_)) => Status::internal(error.to_string()),
        })
    }
}

fn door(metadata: &MetadataMap, signal: Signal) -> Result<Door, Status> {
    let tenant = tenant_of(metadata.as_ref()).map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok(Door {
        tenant,
        signal,
        name: DOOR,
    })
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let door = door(request.metadata(), Signal::Traces)?;
        let request = request.into_inner();
        let stored = self
            .receive(door, |app, door| store::traces(app, door, request))
            .await?;
        Ok(Response::new(traces_response(stored)))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let door = door(request.metadata(), Signal::Logs)?;
        let request = request.into_inner();
        let stored = self.receive(door, |app, door| store::logs(app, door, request)).await?;
        Ok(Response::new(logs_response(stored)))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let door = door(request.metadata(), Signal::Metrics)?;
        let request = request.into_inner();
        let stored = self
            .receive(door, move |app, door| store::metrics(app, door, &request))
            .await?;
        Ok(Response::new(metrics_response(stored)))
    }
}
