//! The OTLP exporter that a `tracing` section asks for: gRPC, or protobuf over HTTP.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient as ExportClient, HttpError};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{Compression, Protocol, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use skopos_config::{HttpClientConfig, ProxyConfig, TracingConfig};
use skopos_http_client::{ClientOptions, HttpClient, tls_client_config};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

const USER_AGENT: &str = concat!("skopos/", env!("CARGO_PKG_VERSION"));
/// Where OTLP over HTTP takes spans.
const TRACES_PATH: &str = "/v1/traces";
/// The port of an endpoint that names none, as in Go's gRPC.
const DEFAULT_PORT: u16 = 443;
/// Bytes of an answer that are read; its status and a short message are wanted.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// An exporter that sends on the runtime that it was made in, whichever thread asks.
#[derive(Debug)]
pub(super) struct OnRuntime {
    inner: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
}

/// Makes the exporter; reads certificate files, relative to `folder`. Nothing is connected to before there are spans.
pub(super) fn exporter(config: &TracingConfig, folder: &Path) -> anyhow::Result<OnRuntime> {
    let authority = authority(&config.endpoint)?;
    let headers = headers(config)?;
    let mut inner = if config.client_type == "http" {
        over_http(config, &authority, folder)?
    } else {
        over_grpc(config, &authority, headers, folder)?
    };
    inner.set_resource(&super::spans::resource());
    Ok(OnRuntime {
        inner: Arc::new(inner),
        runtime: Handle::try_current().context("there is no runtime to send on")?,
    })
}

fn over_grpc(
    config: &TracingConfig,
    authority: &Authority,
    headers: HeaderMap,
    folder: &Path,
) -> anyhow::Result<opentelemetry_otlp::SpanExporter> {
    let endpoint = Endpoint::from_shared(format!("http://{authority}"))?
        .timeout(config.timeout)
        .user_agent(USER_AGENT)?;
    let channel = if config.insecure {
        endpoint.connect_lazy()
    } else {
        encrypted(endpoint, config, authority, folder)?
    };
    let mut builder = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_channel(channel)
        .with_timeout(config.timeout)
        .with_metadata(MetadataMap::from_headers(headers));
    if !config.compression.is_empty() {
        builder = builder.with_compression(Compression::Gzip);
    }
    Ok(builder.build()?)
}

/// A channel over our own TLS, which knows all of `tls_config`.
fn encrypted(
    endpoint: Endpoint,
    config: &TracingConfig,
    authority: &Authority,
    folder: &Path,
) -> anyhow::Result<Channel> {
    let mut tls = tls_client_config(&config.tls_config, folder)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let tls = Arc::new(tls);
    let named = &config.tls_config.server_name;
    let host = if named.is_empty() { authority.host() } else { named };
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .with_context(|| format!("{host:?} is not a server's name"))?;
    let connector = tower::service_fn(move |to: Uri| connect(to, Arc::clone(&tls), name.clone()));
    let endpoint = endpoint.origin(format!("https://{authority}").parse()?);
    Ok(endpoint.connect_with_connector_lazy(connector))
}

async fn connect(
    to: Uri,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, to.port_u16().unwrap_or(DEFAULT_PORT))).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(tls).connect(name, stream).await.map(TokioIo::new)
}

fn over_http(
    config: &TracingConfig,
    authority: &Authority,
    folder: &Path,
) -> anyhow::Result<opentelemetry_otlp::SpanExporter> {
    let scheme = if config.insecure { "http" } else { "https" };
    let settings = HttpClientConfig {
        tls_config: config.tls_config.clone(),
        proxy: ProxyConfig {
            proxy_from_environment: true,
            ..ProxyConfig::default()
        },
        ..HttpClientConfig::default()
    };
    let options = ClientOptions {
        folder,
        user_agent: USER_AGENT,
        compression: false,
    };
    let client = Posting {
        client: HttpClient::new(&settings, options)?,
        timeout: config.timeout,
    };
    let headers: HashMap<String, String> = config.headers.clone().into_iter().collect();
    let mut builder = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{scheme}://{authority}{TRACES_PATH}"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(config.timeout)
        .with_headers(headers)
        .with_http_client(client);
    if !config.compression.is_empty() {
        builder = builder.with_compression(Compression::Gzip);
    }
    Ok(builder.build()?)
}

/// `HOST:PORT` and nothing more.
fn authority(endpoint: &str) -> anyhow::Result<Authority> {
    let parsed = endpoint.parse::<Authority>();
    match parsed {
        Ok(authority) if !endpoint.contains('@') => Ok(authority),
        _ => bail!(
            "tracing endpoint {endpoint:?} is not a host and a port: write HOST:PORT, without a scheme or a path; \
             `insecure: true` leaves TLS off"
        ),
    }
}

fn headers(config: &TracingConfig) -> anyhow::Result<HeaderMap> {
    let pairs = config.headers.iter().map(|(name, value)| {
        let refused = || format!("tracing headers: {name:?} cannot be sent as a header");
        let value = value.parse::<HeaderValue>().with_context(refused)?;
        Ok((name.parse::<HeaderName>().with_context(refused)?, value))
    });
    pairs.collect()
}

/// Posts what the exporter encoded.
#[derive(Debug)]
struct Posting {
    client: HttpClient,
    timeout: Duration,
}

#[tonic::async_trait]
impl ExportClient for Posting {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self.client.request(parts.method, &parts.uri.to_string());
        let request = request.timeout(self.timeout).headers(parts.headers).body(body);
        let answer = request.send().await;
        let mut answer = answer.map_err(|error| skopos_http_client::describe(&error))?;
        let mut body = Vec::new();
        while body.len() < MAX_ANSWER_BYTES
            && let Some(chunk) = answer.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let inner = Arc::clone(&self.inner);
        let sent = self.runtime.spawn(async move { inner.export(batch).await }).await;
        sent.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_a_host_and_a_port() {
        for good in ["localhost:4317", "tempo.example:4318", "[::1]:4317", "collector"] {
            assert_eq!(authority(good).expect(good).as_str(), good);
        }
        for bad in [
            "http://localhost:4317",
            "localhost:4318/v1/traces",
            "user@localhost:4317",
            "a b:1",
            "",
        ] {
            let error = authority(bad).expect_err(bad).to_string();
            assert!(error.contains("write HOST:PORT"), "{error}");
        }
    }

    #[tokio::test]
    async fn settings_that_cannot_be_used_are_told() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let told = |section: &str| {
            let text = format!("tracing: {{endpoint: 'localhost:4317', {section}}}");
            let config = skopos_config::PrometheusConfig::parse(&text, Path::new("prometheus.yml")).expect("good");
            let section = config.tracing.expect("there");
            exporter(&section, Path::new("."))
                .map(drop)
                .map_err(|error| format!("{error:#}"))
        };
        assert_eq!(told("client_type: grpc"), Ok(()));
        assert_eq!(told("client_type: http, compression: gzip, headers: {a: b}"), Ok(()));
        for kind in ["grpc", "http"] {
            let error = told(&format!("client_type: {kind}, tls_config: {{ca_file: not-there.pem}}")).expect_err(kind);
            assert!(
                error.contains("unable to read") && error.contains("not-there.pem"),
                "{error}"
            );
        }
        let error = told("headers: {'a b': c}").expect_err("a header's name");
        assert!(error.contains("tracing headers: \"a b\" cannot be sent"), "{error}");
    }
}
