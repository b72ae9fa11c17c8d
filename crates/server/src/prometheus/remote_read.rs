//! `POST /api/v1/read`: remote read, as samples or as streamed XOR chunks.
//!
//! Native histograms have no chunks here: where a query finds some, the answer is in samples if the
//! client takes those too, as Prometheus itself does, and else an error.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use skopos_core::metric::{MetricSource, ResolutionLimit, Selection, Series};
use skopos_core::{Labels, LabelsBuilder, Matcher, QueryBudget, ReadError};
use skopos_wire::compression::CompressionError;
use skopos_wire::remote_read::{
    ChunkFrames, ReadQuery, RemoteReadError, ResponseType, STREAMED_CONTENT_TYPE, decode_remote_read, encode_samples,
};

use crate::body::{BodyError, read_push};
use crate::query::{self, QueryFailure, QueryText};
use crate::router::Shared;
use crate::text;

/// Answers the samples of each query.
pub(crate) async fn read(State(app): State<Shared>, request: Request<Body>) -> Response {
    answer(app, request).await.unwrap_or_else(IntoResponse::into_response)
}

#[derive(Debug, thiserror::Error)]
enum ReadFailure {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Request(#[from] RemoteReadError),
    #[error("{0}")]
    Query(String),
    #[error(
        "the series hold native histograms, which are not sent as XOR chunks: accept SAMPLES as a response type too"
    )]
    Histograms,
    #[error(transparent)]
    Answer(#[from] CompressionError),
}

impl IntoResponse for ReadFailure {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Body(error) => error.status(),
            Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::Query(_) | Self::Histograms | Self::Answer(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        text::text(status, format!("{self}\n"))
    }
}

async fn answer(app: Shared, request: Request<Body>) -> Result<Response, ReadFailure> {
    let push = read_push(&app, "remote_read", request).await?;
    let read = decode_remote_read(&push.body, app.state.options.max_body_bytes)?;
    let source = app.state.stores.tenant(&push.tenant).metric_source;
    let external = app.state.proving.rules().external_labels.clone();
    let queries = read.queries;
    let max_samples = app.state.options.remote_read.max_samples;
    let found = query::run(&app, QueryText::new("metadata", "remote read"), move |budget| {
        let budget = &budget.with_max_samples(max_samples);
        let results = queries.iter().map(|query| select(&source, query, &external, budget));
        results.collect::<Result<Vec<_>, ReadError>>()
    })
    .await
    .map_err(|failure| match failure {
        QueryFailure::Waited(error) => ReadFailure::Query(error.to_string()),
        QueryFailure::Pool(error) => ReadFailure::Query(error.to_string()),
        QueryFailure::Engine(error) => ReadFailure::Query(error.to_string()),
    })?;
    respond(&read.accepted, &found, app.state.options.remote_read.frame_bytes)
}

/// The series of a query, each with the external labels that it does not have itself: readers see
/// what remote write would have sent. Matchers on external labels are met by those.
fn select(
    source: &Arc<dyn MetricSource>,
    query: &ReadQuery,
    external: &Labels,
    budget: &QueryBudget,
) -> Result<Vec<Series>, ReadError> {
    let is_met = |matcher: &Matcher| {
        external
            .find(matcher.name())
            .is_some_and(|value| matcher.matches(value))
    };
    let matchers: Vec<Matcher> = query
        .matchers
        .iter()
        .filter(|matcher| !is_met(matcher))
        .cloned()
        .collect();
    let selection = Selection {
        matchers: &matchers,
        range: query.range,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let mut found = source.select(&selection, budget)?;
    if !external.is_empty() {
        for series in &mut found {
            series.labels = with_external(&series.labels, external);
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    Ok(found)
}

fn with_external(labels: &Labels, external: &Labels) -> Labels {
    let mut builder = LabelsBuilder::from_labels(external);
    for (name, value) in labels {
        builder.set(name, value);
    }
    builder.build()
}

fn respond(accepted: &[ResponseType], found: &[Vec<Series>], frame_bytes: usize) -> Result<Response, ReadFailure> {
    let has_histograms = found.iter().flatten().any(|series| !series.histograms.is_empty());
    let streams = |kind: &ResponseType| *kind == ResponseType::StreamedXorChunks;
    match accepted.iter().find(|kind| !(has_histograms && streams(kind))) {
        Some(ResponseType::StreamedXorChunks) => Ok(streamed(found, frame_bytes)),
        Some(ResponseType::Samples) => {
            let body = encode_samples(found)?;
            let headers = [
                (header::CONTENT_TYPE, "application/x-protobuf"),
                (header::CONTENT_ENCODING, "snappy"),
            ];
            Ok((headers, body).into_response())
        }
        None => Err(ReadFailure::Histograms),
    }
}

fn streamed(found: &[Vec<Series>], frame_bytes: usize) -> Response {
    let mut body = Vec::new();
    for (index, series) in found.iter().enumerate() {
        let frames = ChunkFrames::new(index, frame_bytes);
        for series in series {
            frames.push(series, &mut body);
        }
    }
    text::with_type(StatusCode::OK, STREAMED_CONTENT_TYPE, body)
}
