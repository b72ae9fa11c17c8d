//! `POST /api/v1/write`: remote write 1.0 and 2.0, told apart by the `Content-Type`.
//!
//! Unlike Prometheus, which keeps nothing of a batch with one bad sample, the good samples are
//! kept: the sender does not repeat a 400, so the rest would be lost.

use std::cell::RefCell;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_core::metric::{AppendReport, MetricBatch, MetricSample, MetricValue};
use skopos_wire::compression::CompressionError;
use skopos_wire::remote_write::{Buffers, RemoteWrite, RemoteWriteError, decode_remote_write, decode_remote_write_v2};

use crate::body::{BodyError, Push, read_push};
use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "remote_write";
const MEDIA_TYPE: &str = "application/x-protobuf";
const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// Why series are skipped without telling a sender of 1.0.
const UNTOLD: [&str; 2] = ["missing_metric_name", "duplicate_label_names"];

/// Versions of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Version {
    const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// The message's name in the `Content-Type`.
    const fn message(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }

    fn decode(self, body: &[u8], limit_bytes: usize, buffers: &mut Buffers) -> Result<RemoteWrite, RemoteWriteError> {
        match self {
            Self::V1 => decode_remote_write(body, limit_bytes, buffers),
            Self::V2 => decode_remote_write_v2(body, limit_bytes, buffers),
        }
    }
}

thread_local! {
    /// Each thread of the pool decodes one request after the other in the same memory.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// What was written of a request, by kind.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

/// Takes samples in.
pub(crate) async fn write(State(app): State<Shared>, request: Request<Body>) -> Response {
    let mut written = None;
    let result = receive(app, request, &mut written).await;
    let mut response = match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => failure.into_response(),
    };
    // A sender of 2.0 takes an answer without these for one of a receiver that knows 1.0 alone.
    if let Some(written) = written {
        let headers = response.headers_mut();
        headers.insert(SAMPLES_WRITTEN, written.samples.into());
        headers.insert(HISTOGRAMS_WRITTEN, written.histograms.into());
        headers.insert(EXEMPLARS_WRITTEN, written.exemplars.into());
    }
    response
}

/// Why a write failed, wholly or in part.
#[derive(Debug, thiserror::Error)]
enum WriteFailure {
    #[error("{0}")]
    MediaType(String),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Decode(#[from] RemoteWriteError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl WriteFailure {
    fn status(&self) -> StatusCode {
        match self {
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(error) => error.status(),
            Self::Decode(RemoteWriteError::Compression(CompressionError::TooLarge { .. })) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Decode(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
            // Senders repeat what is answered with 5xx.
            Self::Write(_) | Self::Pool(PoolError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pool(PoolError::Panicked(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for WriteFailure {
    fn into_response(self) -> Response {
        text::text(self.status(), format!("{self}\n"))
    }
}

async fn receive(app: Shared, request: Request<Body>, written: &mut Option<Written>) -> Result<(), WriteFailure> {
    let push = read_push(&app, DOOR, request).await?;
    let version = version(&push.content_type)?;
    *written = (version == Version::V2).then(Written::default);
    check_content_encoding(&push.content_encoding)?;
    let worker = Arc::clone(&app);
    let (stored, refused) = app.ingest.run(move || store(&worker, &push, version)).await??;
    if let Some(written) = written {
        *written = stored;
    }
    refused.map_or(Ok(()), |reason| Err(WriteFailure::Refused(reason)))
}

/// What was written, and why not all was.
fn store(app: &App, push: &Push, version: Version) -> Result<(Written, Option<String>), WriteFailure> {
    // Taken out, so that a panic leaves nothing borrowed.
    let mut buffers = BUFFERS.take();
    let result = store_with(app, push, version, &mut buffers);
    BUFFERS.set(buffers);
    result
}

fn store_with(
    app: &App,
    push: &Push,
    version: Version,
    buffers: &mut Buffers,
) -> Result<(Written, Option<String>), WriteFailure> {
    let door = Door {
        tenant: push.tenant.clone(),
        signal: Signal::Metrics,
        name: DOOR,
    };
    let ledger = &app.state.ledger;
    let decoded = version
        .decode(&push.body, app.state.options.max_body_bytes, buffers)
        .map_err(WriteFailure::from)
        .inspect_err(|error| door.reject_body(ledger, error.status()))?;
    door.record(ledger, &decoded.report);
    let mut refused = decoded.report;
    if version == Version::V1 {
        // Of series that are none a sender of 1.0 is not told, as in Prometheus.
        refused.refused.retain(|refusal| !UNTOLD.contains(&refusal.reason));
    }
    let mut written = Written::default();
    let sink = app.state.stores.tenant(&push.tenant).metric_sink;
    let packed = decoded.floats;
    if !packed.is_empty() {
        let samples = packed.samples() as u64;
        let appended = sink.append_packed(&packed);
        let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", samples))?;
        buffers.recycle(packed);
        door.record(ledger, &report);
        written.samples += samples.saturating_sub(report.refused_count());
        refused.refused.extend(report.refused);
    }
    let (floats, histograms) = by_kind(decoded.batch);
    for (batch, kind) in [
        (floats, &mut written.samples as &mut u64),
        (histograms, &mut written.histograms),
    ] {
        if batch.series.is_empty() && batch.metadata.is_empty() {
            continue;
        }
        let samples: u64 = batch.series.iter().map(|series| series.samples.len() as u64).sum();
        let exemplars: u64 = batch.series.iter().map(|series| series.exemplars.len() as u64).sum();
        let appended = sink.append(batch);
        let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", samples))?;
        door.record(ledger, &report);
        *kind += samples.saturating_sub(report.refused_count());
        written.exemplars += exemplars;
        refused.refused.extend(report.refused);
    }
    Ok((written, told(version, &refused)))
}

/// The samples of each kind, so that what is refused can be told by kind. Metadata goes with the
/// first that has any.
fn by_kind(batch: MetricBatch) -> (MetricBatch, MetricBatch) {
    let mut floats = MetricBatch {
        metadata: batch.metadata,
        ..MetricBatch::default()
    };
    let mut histograms = MetricBatch::default();
    for series in batch.series {
        let is_histogram = |sample: &MetricSample| matches!(sample.value, MetricValue::Histogram(_));
        let count = series.samples.iter().filter(|sample| is_histogram(sample)).count();
        if count == 0 {
            floats.series.push(series);
        } else if count == series.samples.len() {
            histograms.series.push(series);
        } else {
            // Decoders give floats before histograms.
            let at = series.samples.len() - count;
            let (first, second) = series.split_at(at);
            floats.series.push(first);
            histograms.series.push(second);
        }
    }
    (floats, histograms)
}

/// What the sender is told of what was refused: 1.0 the first example, as Prometheus does, 2.0 the
/// counts too.
fn told(version: Version, refused: &AppendReport) -> Option<String> {
    let first = refused.refused.first()?;
    if version == Version::V1 {
        return Some(first.example.clone());
    }
    let reasons = refused
        .refused
        .iter()
        .map(|refusal| format!("{} {}: {}", refusal.count, refusal.reason, refusal.example));
    Some(reasons.collect::<Vec<_>>().join("; "))
}

/// The version that a `Content-Type` names; 1.0 where it names none.
fn version(content_type: &str) -> Result<Version, WriteFailure> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
        return Err(WriteFailure::MediaType(format!(
            "expected {MEDIA_TYPE} as the first (media) part, got {content_type} content-type"
        )));
    }
    let Some(message) = parts.find_map(|part| part.strip_prefix("proto=")) else {
        return Ok(Version::V1);
    };
    let known = Version::ALL.into_iter().find(|version| version.message() == message);
    known.ok_or_else(|| {
        WriteFailure::MediaType(format!(
            "got {content_type} content type; unknown remote write protobuf message {message}, supported: {}",
            Version::ALL.map(Version::message).join(", ")
        ))
    })
}

fn check_content_encoding(encoding: &str) -> Result<(), WriteFailure> {
    if matches!(encoding, "" | "snappy") {
        return Ok(());
    }
    Err(WriteFailure::MediaType(format!(
        "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
    )))
}
