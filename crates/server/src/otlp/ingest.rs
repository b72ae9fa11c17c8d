//! From a decoded export to the store, the ledger and the partial success.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use skopos_core::ledger::Signal;
use skopos_core::metric::AppendReport;
use skopos_core::{TenantId, WriteError};
use skopos_wire::otlp::{ExportLogsServiceRequest, ExportTraceServiceRequest, Rejected, log_batch, span_batch};

use crate::doors::Door;
use crate::router::App;

/// Ledger reason of items that the decoder left out.
const INVALID: &str = "invalid";
/// Ledger reason of OTLP metrics.
const UNSUPPORTED: &str = "otlp_metrics_unsupported";
const METRICS_TEXT: &str = "OTLP metrics are not stored yet: expose /metrics for scraping, or send Prometheus remote write \
                            to /api/v1/write";

/// Stores spans.
pub(super) fn traces(app: &App, door: &Door, request: ExportTraceServiceRequest) -> Result<Rejected, WriteError> {
    let (batch, rejected) = span_batch(request);
    let count = batch.spans.len() as u64;
    let sink = app.state.stores.tenant(&door.tenant).trace_sink;
    let appended = if count == 0 {
        Ok(AppendReport::default())
    } else {
        sink.append(batch)
    };
    settle(app, door, rejected, count, appended)
}

/// Stores log records.
pub(super) fn logs(app: &App, door: &Door, request: ExportLogsServiceRequest) -> Result<Rejected, WriteError> {
    let (batch, rejected) = log_batch(request, app.state.clock.now_ns());
    let count = batch.streams.iter().map(|stream| stream.entries.len() as u64).sum();
    let sink = app.state.stores.tenant(&door.tenant).log_sink;
    let appended = if count == 0 {
        Ok(AppendReport::default())
    } else {
        sink.append(batch)
    };
    settle(app, door, rejected, count, appended)
}

/// Counts metrics as rejected and says why.
pub(super) fn metrics(app: &App, door: &Door, request: &ExportMetricsServiceRequest) -> Rejected {
    let mut rejected = Rejected::default();
    rejected.add_many(data_points(request), || METRICS_TEXT.to_owned());
    door.reject(&app.state.ledger, UNSUPPORTED, rejected.count);
    rejected
}

/// The door of a signal by a protocol.
pub(super) fn door(tenant: TenantId, signal: Signal, name: &'static str) -> Door {
    Door { tenant, signal, name }
}

fn settle(
    app: &App,
    door: &Door,
    mut rejected: Rejected,
    count: u64,
    appended: Result<AppendReport, WriteError>,
) -> Result<Rejected, WriteError> {
    let ledger = &app.state.ledger;
    door.reject(ledger, INVALID, rejected.count);
    let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", count))?;
    door.record(ledger, &report);
    for refusal in report.refused {
        rejected.add_many(refusal.count, || refusal.example);
    }
    Ok(rejected)
}

fn data_points(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).map(points_of).sum()
}

fn points_of(metric: &Metric) -> u64 {
    let count = match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    };
    count as u64
}
