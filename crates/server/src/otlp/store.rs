//! From a decoded export to the store, the ledger and the partial success.

use skopos_core::WriteError;
use skopos_core::metric::{AppendReport, MetricBatch};
use skopos_wire::otlp::{
    DeltaStreams, ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Rejected,
    TranslatedMetrics, has_deltas, log_batch, metric_batch, span_batch,
};

use crate::doors::Door;
use crate::ingest;
use crate::router::App;

/// Ledger reason of zeros that begin a stream and come after samples of its series.
const ZERO_NOT_NEEDED: &str = "start_zero_not_needed";

/// Stores spans.
pub(super) fn traces(app: &App, door: &Door, request: ExportTraceServiceRequest) -> Result<Rejected, WriteError> {
    ingest::spans(app, door, span_batch(request))
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
    ingest::settle(app, door, rejected, count, appended)
}

/// Stores metrics. Deltas are added to what their streams told before; where the store fails, that
/// is taken back, since the sender will send them again.
pub(super) fn metrics(app: &App, door: &Door, request: &ExportMetricsServiceRequest) -> Result<Rejected, WriteError> {
    let options = app.state.config.otlp_metrics();
    let now_ms = app.state.clock.now_ms();
    if !has_deltas(request) {
        let translated = metric_batch(request, &options, &mut DeltaStreams::default(), now_ms);
        return store_metrics(app, door, translated);
    }
    let streams = app.delta_states.of(&door.tenant);
    let mut streams = streams.lock();
    streams.begin();
    let translated = metric_batch(request, &options, &mut streams, now_ms);
    store_metrics(app, door, translated).inspect_err(|_| streams.roll_back())
}

/// The ledger counts data points where the translation refuses them, samples where the store does.
fn store_metrics(app: &App, door: &Door, translated: TranslatedMetrics) -> Result<Rejected, WriteError> {
    for warning in &translated.warnings {
        tracing::debug!(%warning, "OTLP metrics");
    }
    let ledger = &app.state.ledger;
    door.record(ledger, &translated.refused);
    let mut rejected = Rejected::default();
    rejected.add_report(&translated.refused, u64::MAX);
    let sink = app.state.stores.tenant(&door.tenant).metric_sink;
    let count = samples(&translated.batch) + samples(&translated.zeros);
    let write_failed = |_: &WriteError| door.reject(ledger, "write_failed", count);
    if !translated.zeros.series.is_empty() {
        let report = sink.append(translated.zeros).inspect_err(write_failed)?;
        door.drop_by_rule(ledger, ZERO_NOT_NEEDED, report.refused_count());
        door.record(
            ledger,
            &AppendReport {
                refused: Vec::new(),
                ..report
            },
        );
    }
    if !translated.batch.series.is_empty() || !translated.batch.metadata.is_empty() {
        let report = sink.append(translated.batch).inspect_err(write_failed)?;
        door.record(ledger, &report);
        // A data point may have become many samples; the sender counts in points.
        rejected.add_report(&report, translated.points);
    }
    Ok(rejected)
}

fn samples(batch: &MetricBatch) -> u64 {
    let series = batch.series.iter();
    series
        .map(|series| (series.samples.len() + series.exemplars.len()) as u64)
        .sum()
}
