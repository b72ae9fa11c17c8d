//! The HTTP client of the exporters. Requests run on the export runtime, whoever waits for them.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use reqwest::tls::{Certificate, Identity};
use tokio::runtime::{Handle, Runtime};

use crate::SetupError;
use crate::settings::OtlpSettings;

/// Bytes of an answer that are read; an exporter needs its status, and OTLP a short message.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends on the export runtime.
#[derive(Debug, Clone)]
pub(super) struct Client {
    inner: reqwest::Client,
    runtime: Handle,
}

impl Client {
    /// A client that trusts the platform's authorities.
    pub(super) fn new(endpoint: &str, timeout: Duration, runtime: &Runtime) -> Result<Self, SetupError> {
        Self::build(endpoint, builder(timeout), runtime)
    }

    /// A client with the TLS files of the settings.
    pub(super) fn for_otlp(otlp: &OtlpSettings, runtime: &Runtime) -> Result<Self, SetupError> {
        let mut builder = builder(otlp.timeout);
        let refused = |source| SetupError::Client {
            endpoint: otlp.endpoint.clone(),
            source,
        };
        if let Some(path) = &otlp.certificate {
            let bundle = Certificate::from_pem_bundle(&read(path)?).map_err(refused)?;
            builder = builder.tls_certs_only(bundle);
        }
        if let Some((certificate, key)) = &otlp.client {
            let mut identity = read(certificate)?;
            identity.push(b'\n');
            identity.extend(read(key)?);
            builder = builder.identity(Identity::from_pem(&identity).map_err(refused)?);
        }
        Self::build(&otlp.endpoint, builder, runtime)
    }

    fn build(endpoint: &str, builder: reqwest::ClientBuilder, runtime: &Runtime) -> Result<Self, SetupError> {
        // reqwest asks for a process-wide provider; one that the service chose stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        let inner = builder.build().map_err(|source| SetupError::Client {
            endpoint: endpoint.to_owned(),
            source,
        })?;
        Ok(Self {
            inner,
            runtime: runtime.handle().clone(),
        })
    }

    /// Posts a body; anything but a status of success is an error.
    pub(super) async fn post(&self, url: &str, headers: &[(&'static str, String)], body: Vec<u8>) -> OTelSdkResult {
        let mut request = self.inner.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        // The request is started on the runtime, too: it looks for one when it is made.
        let answer = self.runtime.spawn(async move { request.send().await }).await;
        let failed = |reason: String| OTelSdkError::InternalFailure(format!("POST {url}: {reason}"));
        match answer {
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => Err(failed(response.status().to_string())),
            Ok(Err(error)) => Err(failed(error.without_url().to_string())),
            Err(ended) => Err(failed(ended.to_string())),
        }
    }
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
}

/// The bytes of a TLS file of the settings.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|source| SetupError::File {
        path: path.to_owned(),
        source,
    })
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.inner.clone();
        let request = reqwest::Request::try_from(request)?;
        let exchange = async move {
            let mut answer = client.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_ANSWER {
                    break;
                }
            }
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        };
        self.runtime.spawn(exchange).await?
    }
}

/// The exporter of no back end.
#[derive(Debug)]
pub(super) struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}
