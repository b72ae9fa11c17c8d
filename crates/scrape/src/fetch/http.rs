//! The HTTP client of a job.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use skopos_config::{NameEscapingScheme, ScrapeConfig, ScrapeProtocol};
use skopos_http_client::{ClientOptions, HttpClient, HttpClientError, describe, trace_headers};
use skopos_wire::exposition::{BodyFormat, Format};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::{DEFAULT_BODY_LIMIT_BYTES, FetchError, Fetched};

/// Weight of the protocol that is wanted most, in tenths: one more than there are protocols, none
/// of which is asked for twice.
const MAX_WEIGHT: u32 = 6;

/// Fetches the bodies of a job's targets.
#[derive(Debug)]
pub(crate) struct HttpFetcher {
    client: HttpClient,
    accept: HeaderValue,
    body_limit_bytes: usize,
    fallback: Option<BodyFormat>,
}

impl HttpFetcher {
    /// Builds the client; reads certificate files, relative to `folder`.
    pub(crate) fn new(config: &ScrapeConfig, folder: &Path, user_agent: &str) -> Result<Self, FetchError> {
        let options = ClientOptions {
            folder,
            user_agent,
            compression: config.enable_compression,
        };
        let accept = accept_header(&config.scrape_protocols, config.metric_name_escaping_scheme);
        Ok(Self {
            client: HttpClient::new(&config.http_client, options)?,
            accept: HeaderValue::from_str(&accept).map_err(|error| FetchError::Credentials {
                reason: error.to_string(),
            })?,
            body_limit_bytes: match usize::try_from(config.limits.body_size_limit) {
                Ok(0) | Err(_) => DEFAULT_BODY_LIMIT_BYTES,
                Ok(limit) => limit,
            },
            fallback: config.fallback_scrape_protocol.map(format_of),
        })
    }

    /// Gets the body of `url`, within a span that the target's own spans can join.
    pub(crate) async fn fetch(&self, url: &str, timeout: Duration) -> Result<Fetched, FetchError> {
        let span = tracing::debug_span!(
            "Scrape",
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            http.request.method = "GET",
            url.full = url,
        );
        let fetched = self.fetch_within(&span, url, timeout).instrument(span.clone()).await;
        if let Err(error) = &fetched {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", error.to_string());
        }
        fetched
    }

    async fn fetch_within(&self, span: &Span, url: &str, timeout: Duration) -> Result<Fetched, FetchError> {
        let mut response = self.ask(span, url, timeout).await?;
        // A token that was withdrawn before its time.
        if response.status() == StatusCode::UNAUTHORIZED && self.client.forget_token().await {
            response = self.ask(span, url, timeout).await?;
        }
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status {
                status: response.status().to_string(),
            });
        }
        let format = self.format(&response)?;
        let body = self.body(url, response).await?;
        Ok(Fetched { body, format })
    }

    async fn ask(&self, span: &Span, url: &str, timeout: Duration) -> Result<Response, FetchError> {
        let request = self
            .client
            .request(Method::GET, url)
            .headers(trace_headers(span))
            .header(ACCEPT, &self.accept)
            .header("X-Prometheus-Scrape-Timeout-Seconds", timeout.as_secs_f64().to_string());
        let request = self.client.authorized(request).await?;
        request.send().await.map_err(|error| transport(url, &error))
    }

    async fn body(&self, url: &str, mut response: Response) -> Result<Vec<u8>, FetchError> {
        let expected = response.content_length().unwrap_or(0).min(self.body_limit_bytes as u64);
        let mut body = Vec::with_capacity(expected as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(url, &error))? {
            if body.len() + chunk.len() > self.body_limit_bytes {
                return Err(FetchError::TooLarge {
                    limit_bytes: self.body_limit_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The format that the target says, or the job's fallback.
    fn format(&self, response: &Response) -> Result<BodyFormat, FetchError> {
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or_default());
        if let Some(format) = content_type.and_then(BodyFormat::from_content_type).or(self.fallback) {
            return Ok(format);
        }
        let reason = match content_type {
            None | Some("") => "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target".to_owned(),
            Some(other) => format!("received unsupported Content-Type {other:?} and no fallback_scrape_protocol specified for target"),
        };
        Err(FetchError::ContentType { reason })
    }
}

/// The `Accept` header: each protocol with a weight that falls from first to last
/// (`acceptHeader` in Prometheus).
fn accept_header(protocols: &[ScrapeProtocol], escaping: NameEscapingScheme) -> String {
    let mut parts = Vec::new();
    let mut weight = MAX_WEIGHT;
    for protocol in protocols {
        let media_type = match protocol {
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
        };
        let is_named = matches!(
            protocol,
            ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::PrometheusText1_0_0
        );
        let escaping = if is_named {
            format!(";escaping={}", escaping.as_str())
        } else {
            String::new()
        };
        parts.push(format!("{media_type}{escaping};q=0.{weight}"));
        weight -= 1;
    }
    parts.push(format!("*/*;q=0.{weight}"));
    parts.join(",")
}

const fn format_of(protocol: ScrapeProtocol) -> BodyFormat {
    match protocol {
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
            BodyFormat::Text(Format::OpenMetrics)
        }
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => BodyFormat::Text(Format::Text),
        ScrapeProtocol::PrometheusProto => BodyFormat::Protobuf,
    }
}

impl From<HttpClientError> for FetchError {
    fn from(error: HttpClientError) -> Self {
        Self::Credentials {
            reason: error.to_string(),
        }
    }
}

fn transport(url: &str, error: &reqwest::Error) -> FetchError {
    FetchError::Transport {
        url: url.to_owned(),
        reason: describe(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_asked_for_as_prometheus_does() {
        assert_eq!(
            accept_header(&ScrapeProtocol::DEFAULT, NameEscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(
            accept_header(
                &[ScrapeProtocol::PrometheusProto, ScrapeProtocol::PrometheusText0_0_4],
                NameEscapingScheme::Values
            ),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
        );
    }
}
