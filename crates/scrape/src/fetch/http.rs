//! The HTTP client of a job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::tls::Version;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, RequestBuilder, Response};
use skopos_config::{HttpClientConfig, NameEscapingScheme, ScrapeConfig, ScrapeProtocol, TlsConfig, TlsVersion};
use skopos_wire::exposition::Format;

use super::{DEFAULT_BODY_LIMIT_BYTES, FetchError, Fetched};

/// Redirects followed at most, as in Go.
const MAX_REDIRECTS: usize = 10;
/// Connections kept open for a target between scrapes.
const MAX_IDLE_PER_HOST: usize = 2;

/// Fetches the bodies of a job's targets.
#[derive(Debug)]
pub(crate) struct HttpFetcher {
    client: Client,
    config: HttpClientConfig,
    folder: PathBuf,
    accept: HeaderValue,
    body_limit_bytes: usize,
    fallback: Option<Format>,
}

impl HttpFetcher {
    /// Builds the client; reads certificate files, relative to `folder`.
    pub(crate) fn new(config: &ScrapeConfig, folder: &Path, user_agent: &str) -> Result<Self, FetchError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(refused("no TLS crypto provider is installed in this process"));
        }
        if config.http_client.oauth2.is_some() {
            return Err(refused(
                "oauth2 is not supported for scraping: use authorization or basic_auth",
            ));
        }
        let accept = accept_header(&config.scrape_protocols, config.metric_name_escaping_scheme);
        Ok(Self {
            client: build_client(config, folder, user_agent)?,
            config: config.http_client.clone(),
            folder: folder.to_owned(),
            accept: HeaderValue::from_str(&accept).map_err(|error| refused(error.to_string()))?,
            body_limit_bytes: match usize::try_from(config.limits.body_size_limit) {
                Ok(0) | Err(_) => DEFAULT_BODY_LIMIT_BYTES,
                Ok(limit) => limit,
            },
            fallback: config.fallback_scrape_protocol.and_then(format_of),
        })
    }

    pub(crate) async fn fetch(&self, url: &str, timeout: Duration) -> Result<Fetched, FetchError> {
        let request = self
            .client
            .get(url)
            .header(ACCEPT, &self.accept)
            .header("X-Prometheus-Scrape-Timeout-Seconds", timeout.as_secs_f64().to_string());
        let request = self.authenticated(self.with_headers(request).await?).await?;
        let response = request.send().await.map_err(|error| transport(url, &error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status {
                status: response.status().to_string(),
            });
        }
        let format = self.format(&response)?;
        let body = self.body(url, response).await?;
        Ok(Fetched { body, format })
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
    fn format(&self, response: &Response) -> Result<Format, FetchError> {
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or_default());
        if let Some(format) = content_type.and_then(Format::from_content_type).or(self.fallback) {
            return Ok(format);
        }
        let reason = match content_type {
            None | Some("") => "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target".to_owned(),
            Some(other) => format!("received unsupported Content-Type {other:?} and no fallback_scrape_protocol specified for target"),
        };
        Err(FetchError::ContentType { reason })
    }

    async fn with_headers(&self, mut request: RequestBuilder) -> Result<RequestBuilder, FetchError> {
        for (name, values) in &self.config.http_headers {
            for value in &values.values {
                request = request.header(name, value);
            }
            for secret in &values.secrets {
                request = request.header(name, secret.expose());
            }
            for file in &values.files {
                request = request.header(name, self.read(file).await?);
            }
        }
        Ok(request)
    }

    /// Adds credentials. Files are read each time, so that they can be changed while running.
    async fn authenticated(&self, request: RequestBuilder) -> Result<RequestBuilder, FetchError> {
        if let Some(auth) = &self.config.basic_auth {
            let username = self.inline_or_file(&auth.username, &auth.username_file).await?;
            let password = self.inline_or_file(auth.password.expose(), &auth.password_file).await?;
            return Ok(request.basic_auth(username, Some(password)));
        }
        if let Some(auth) = &self.config.authorization {
            let credentials = self
                .inline_or_file(auth.credentials.expose(), &auth.credentials_file)
                .await?;
            if !credentials.is_empty() {
                return Ok(request.header("Authorization", format!("{} {credentials}", auth.scheme)));
            }
        }
        Ok(request)
    }

    async fn inline_or_file(&self, inline: &str, file: &str) -> Result<String, FetchError> {
        if file.is_empty() {
            Ok(inline.to_owned())
        } else {
            self.read(file).await
        }
    }

    async fn read(&self, file: &str) -> Result<String, FetchError> {
        let path = self.folder.join(file);
        let text = tokio::fs::read_to_string(&path).await;
        let text = text.map_err(|error| refused(format!("unable to read {}: {error}", path.display())))?;
        Ok(text.trim().to_owned())
    }
}

fn build_client(config: &ScrapeConfig, folder: &Path, user_agent: &str) -> Result<Client, FetchError> {
    let http = &config.http_client;
    let mut builder = Client::builder()
        .user_agent(user_agent)
        .gzip(config.enable_compression)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .redirect(if http.follow_redirects {
            Policy::limited(MAX_REDIRECTS)
        } else {
            Policy::none()
        });
    if !http.enable_http2 {
        builder = builder.http1_only();
    }
    builder = with_proxy(builder, http)?;
    builder = with_tls(builder, &http.tls_config, folder)?;
    builder.build().map_err(|error| refused(described(&error)))
}

fn with_proxy(builder: ClientBuilder, http: &HttpClientConfig) -> Result<ClientBuilder, FetchError> {
    if http.proxy_from_environment {
        return Ok(builder);
    }
    if http.proxy_url.is_empty() {
        return Ok(builder.no_proxy());
    }
    let mut headers = HeaderMap::new();
    for (name, values) in &http.proxy_connect_header {
        let name: HeaderName = name
            .parse()
            .map_err(|_| refused(format!("{name:?} is not a header's name")))?;
        for value in values {
            let value = HeaderValue::from_str(value.expose()).map_err(|error| refused(error.to_string()))?;
            headers.append(name.clone(), value);
        }
    }
    let proxy = Proxy::all(&http.proxy_url).map_err(|error| refused(described(&error)))?;
    Ok(builder.proxy(proxy.no_proxy(NoProxy::from_string(&http.no_proxy)).headers(headers)))
}

fn with_tls(mut builder: ClientBuilder, tls: &TlsConfig, folder: &Path) -> Result<ClientBuilder, FetchError> {
    let of_file = |inline: &str, file: &str| -> Result<Vec<u8>, FetchError> {
        if file.is_empty() {
            return Ok(inline.as_bytes().to_vec());
        }
        let path = folder.join(file);
        std::fs::read(&path).map_err(|error| refused(format!("unable to read {}: {error}", path.display())))
    };
    let authorities = of_file(&tls.ca, &tls.ca_file)?;
    if !authorities.is_empty() {
        let authorities = Certificate::from_pem_bundle(&authorities);
        builder = builder.tls_certs_only(authorities.map_err(|error| refused(format!("tls_config ca: {error}")))?);
    }
    let mut identity = of_file(&tls.cert, &tls.cert_file)?;
    if !identity.is_empty() {
        identity.push(b'\n');
        identity.extend(of_file(tls.key.expose(), &tls.key_file)?);
        let identity =
            Identity::from_pem(&identity).map_err(|error| refused(format!("tls_config cert and key: {error}")))?;
        builder = builder.identity(identity);
    }
    if !tls.server_name.is_empty() {
        return Err(refused(
            "tls_config server_name is not supported: address the target by that name",
        ));
    }
    if let Some(version) = tls.min_version {
        builder = builder.tls_version_min(version_of(version));
    }
    if let Some(version) = tls.max_version {
        builder = builder.tls_version_max(version_of(version));
    }
    Ok(builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify))
}

const fn version_of(version: TlsVersion) -> Version {
    match version {
        TlsVersion::Tls10 => Version::TLS_1_0,
        TlsVersion::Tls11 => Version::TLS_1_1,
        TlsVersion::Tls12 => Version::TLS_1_2,
        TlsVersion::Tls13 => Version::TLS_1_3,
    }
}

/// The `Accept` header: each protocol with a weight that falls from first to last. Protobuf is
/// left out, since it is not decoded.
fn accept_header(protocols: &[ScrapeProtocol], escaping: NameEscapingScheme) -> String {
    let mut parts = Vec::new();
    let known: Vec<_> = protocols
        .iter()
        .filter(|protocol| format_of(**protocol).is_some())
        .collect();
    for (index, protocol) in known.iter().enumerate() {
        let media_type = match protocol {
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusProto => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
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
        let weight = known.len() + 2 - index;
        parts.push(format!("{media_type}{escaping};q=0.{weight}"));
    }
    parts.push("*/*;q=0.2".to_owned());
    parts.join(",")
}

const fn format_of(protocol: ScrapeProtocol) -> Option<Format> {
    match protocol {
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Some(Format::OpenMetrics),
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Some(Format::Text),
        ScrapeProtocol::PrometheusProto => None,
    }
}

fn refused(reason: impl Into<String>) -> FetchError {
    FetchError::Credentials { reason: reason.into() }
}

fn transport(url: &str, error: &reqwest::Error) -> FetchError {
    FetchError::Transport {
        url: url.to_owned(),
        reason: described(error),
    }
}

/// The innermost cause, which says what happened.
fn described(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
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
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
    }
}
