//! Requests to a remote that is read. Bytes alone are handed on: who asks decodes them, on a thread for such work.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use skopos_config::RemoteReadConfig;
use skopos_http_client::{ClientOptions, HttpClient, trace_headers};
use tokio::sync::mpsc::Sender;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::metrics::RemoteMetrics;

const USER_AGENT: &str = concat!("skopos/", env!("CARGO_PKG_VERSION"));
const PROTOBUF: &str = "application/x-protobuf";
const STREAMED: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
/// Most of an error's text that is told.
const MAX_ERROR_BYTES: usize = 512;

/// A piece of an answer, in order.
#[derive(Debug)]
pub(super) enum Piece {
    /// The answer begins, and is of this kind.
    Begin(Kind),
    /// Bytes of its body.
    Bytes(bytes::Bytes),
    /// Nothing more comes.
    End,
    /// It failed.
    Failed(String),
}

/// The kind of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Samples,
    Chunks,
}

/// Reads one URL.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient,
    url: String,
    /// The URL without its password.
    shown_url: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
    /// Most bytes of a frame.
    pub(super) frame_limit: u64,
    metrics: RemoteMetrics,
}

impl Client {
    pub(super) fn new(
        section: &RemoteReadConfig,
        folder: &Path,
        shown_url: String,
        metrics: RemoteMetrics,
    ) -> anyhow::Result<Self> {
        let options = ClientOptions {
            folder,
            user_agent: USER_AGENT,
            compression: false,
        };
        let headers = section.headers.iter();
        Ok(Self {
            http: HttpClient::new(&section.http_client, options)?,
            url: section.url.clone(),
            shown_url,
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            timeout: section.remote_timeout,
            frame_limit: section.chunked_read_limit,
            metrics,
        })
    }

    /// Asks, and hands the answer on piece by piece.
    pub(super) async fn read(&self, body: Vec<u8>, pieces: Sender<Piece>) {
        let _in_flight = self.metrics.begin();
        let span = tracing::debug_span!(
            "Remote Read",
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            http.request.method = "POST",
            url.full = self.shown_url,
        );
        let answer = self.answer(&span, body, &pieces).instrument(span.clone());
        let last = match answer.await {
            Ok(()) => Piece::End,
            Err(text) => {
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_description", text.as_str());
                Piece::Failed(text)
            }
        };
        // Who asked may have gone away; nobody else waits for it.
        drop(pieces.send(last).await);
    }

    async fn answer(&self, span: &Span, body: Vec<u8>, pieces: &Sender<Piece>) -> Result<(), String> {
        let started = Instant::now();
        let mut answer = self.exchange(span, body).await?;
        let status = answer.status();
        if !status.is_success() {
            self.metrics.answered("unsupported", status.as_u16(), started.elapsed());
            let text = text_of(&mut answer).await;
            return Err(format!(
                "remote server {} returned http status {status}: {text}",
                self.shown_url
            ));
        }
        let content_type = answer.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, word) = match content_type {
            streamed if streamed.starts_with(STREAMED) => (Some(Kind::Chunks), "chunked"),
            samples if samples.starts_with(PROTOBUF) => (Some(Kind::Samples), "sampled"),
            _ => (None, "unsupported"),
        };
        self.metrics.answered(word, status.as_u16(), started.elapsed());
        let Some(kind) = kind else {
            return Err(format!("unsupported content type: {content_type}"));
        };
        let mut is_wanted = pieces.send(Piece::Begin(kind)).await.is_ok();
        while is_wanted {
            match answer.chunk().await {
                Ok(Some(bytes)) => is_wanted = pieces.send(Piece::Bytes(bytes)).await.is_ok(),
                Ok(None) => break,
                Err(error) => {
                    return Err(format!(
                        "error reading response: {}",
                        skopos_http_client::describe(&error)
                    ));
                }
            }
        }
        Ok(())
    }

    async fn exchange(&self, span: &Span, body: Vec<u8>) -> Result<Response, String> {
        let answer = self.send(span, body.clone()).await?;
        // A token that was withdrawn before its time.
        if answer.status() == StatusCode::UNAUTHORIZED && self.http.forget_token().await {
            return self.send(span, body).await;
        }
        Ok(answer)
    }

    async fn send(&self, span: &Span, body: Vec<u8>) -> Result<Response, String> {
        let mut request = self.http.request(Method::POST, &self.url).timeout(self.timeout);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .headers(trace_headers(span))
            .header(CONTENT_TYPE, PROTOBUF)
            .header(CONTENT_ENCODING, "snappy")
            .header(ACCEPT_ENCODING, "snappy")
            .header("X-Prometheus-Remote-Read-Version", "0.1.0")
            .body(body);
        let request = self.http.authorized(request).await.map_err(|error| error.to_string())?;
        let answer = request.send().await;
        answer.map_err(|error| format!("error sending request: {}", skopos_http_client::describe(&error)))
    }
}

async fn text_of(answer: &mut Response) -> String {
    let mut text = Vec::new();
    // The status says enough where the text breaks off.
    while text.len() < MAX_ERROR_BYTES
        && let Ok(Some(bytes)) = answer.chunk().await
    {
        text.extend_from_slice(&bytes);
    }
    text.truncate(MAX_ERROR_BYTES);
    String::from_utf8_lossy(&text).trim().to_owned()
}
