//! HTTP clients from the `http_config` that scraping, receivers and others share: credentials,
//! OAuth 2.0, TLS, proxy, headers; and the credentials that clouds want.
//!
//! ```text
//!   HttpClientConfig ─▶ HttpClient ─ request, authorized ─▶ reqwest
//!                         ▲ tokens: oauth2, azure, google
//! ```
//!
//! Files with passwords, tokens and headers are read at each request, so that they may change while
//! the program runs; those with certificates when the client is built. No error names a secret.

pub mod aws;
mod azure;
mod google;
mod jwt;
mod oauth2;
mod round_robin;
mod tls;
mod token;
mod trace_context;
mod variables;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, RequestBuilder};
use skopos_config::{AzureAdConfig, GoogleIamConfig, HttpClientConfig, ProxyConfig};

use azure::AzureAd;
use google::GoogleIam;
use oauth2::TokenSource;
use round_robin::RoundRobin;
pub use tls::tls_client_config;
pub use trace_context::trace_headers;
pub use variables::Variables;

/// Redirects followed at most, as in Go.
const MAX_REDIRECTS: usize = 10;
/// Connections kept open for a host between requests.
const MAX_IDLE_PER_HOST: usize = 2;

/// Why there is no client, or no request.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// A file of the settings cannot be read.
    #[error("unable to read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The settings cannot be used.
    #[error("{reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
    /// No access token was given.
    #[error("{what}: cannot fetch token: {reason}")]
    Token {
        /// The section of the settings that the token is for.
        what: &'static str,
        /// Why.
        reason: String,
        /// Whether asking again may help.
        is_recoverable: bool,
    },
}

impl HttpClientError {
    fn unusable(reason: impl Into<String>) -> Self {
        Self::Unusable { reason: reason.into() }
    }
}

/// What the settings do not say.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions<'a> {
    /// The folder at which relative paths start.
    pub folder: &'a Path,
    /// The `User-Agent` header.
    pub user_agent: &'a str,
    /// Whether compressed answers are asked for.
    pub compression: bool,
}

/// An HTTP client with the credentials, headers, TLS and proxy of its settings.
#[derive(Debug)]
pub struct HttpClient {
    client: Client,
    config: HttpClientConfig,
    folder: PathBuf,
    tokens: Option<Tokens>,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    /// At the first address of its name.
    First,
    /// At any address of its name.
    Any,
    /// By a Unix socket.
    Socket(&'a Path),
}

/// Where the tokens of requests are had.
#[derive(Debug)]
enum Tokens {
    OAuth2(Box<TokenSource>),
    AzureAd(AzureAd),
    GoogleIam(GoogleIam),
}

impl Tokens {
    async fn headers(&self) -> Result<Vec<(&'static str, String)>, HttpClientError> {
        match self {
            Self::OAuth2(source) => source.headers().await,
            Self::AzureAd(source) => source.headers().await,
            Self::GoogleIam(source) => source.headers().await,
        }
    }

    async fn forget(&self) -> bool {
        match self {
            Self::OAuth2(source) => source.forget().await,
            Self::AzureAd(source) => source.forget().await,
            Self::GoogleIam(source) => source.forget().await,
        }
    }
}

impl HttpClient {
    /// Builds the client; reads certificate files.
    pub fn new(config: &HttpClientConfig, options: ClientOptions<'_>) -> Result<Self, HttpClientError> {
        Self::built(config, options, Way::First)
    }

    /// The same, where each connection goes to any of the addresses of a name.
    pub fn round_robin(config: &HttpClientConfig, options: ClientOptions<'_>) -> Result<Self, HttpClientError> {
        Self::built(config, options, Way::Any)
    }

    /// The same, for a server that listens on a Unix socket, whatever host a URL names.
    pub fn over_unix_socket(
        config: &HttpClientConfig,
        options: ClientOptions<'_>,
        socket: &Path,
    ) -> Result<Self, HttpClientError> {
        Self::built(config, options, Way::Socket(socket))
    }

    fn built(config: &HttpClientConfig, options: ClientOptions<'_>, way: Way<'_>) -> Result<Self, HttpClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(HttpClientError::unusable(
                "no TLS crypto provider is installed in this process",
            ));
        }
        let mut builder = Client::builder()
            .user_agent(options.user_agent)
            .gzip(options.compression)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .redirect(if config.follow_redirects {
                Policy::limited(MAX_REDIRECTS)
            } else {
                Policy::none()
            });
        if !config.enable_http2 {
            builder = builder.http1_only();
        }
        builder = match way {
            Way::Socket(socket) => builder.unix_socket(socket),
            Way::Any => with_proxy(builder.dns_resolver(Arc::new(RoundRobin)), &config.proxy)?,
            Way::First => with_proxy(builder, &config.proxy)?,
        };
        builder = tls::configured(builder, &config.tls_config, options.folder)?;
        let tokens = match &config.oauth2 {
            Some(oauth2) => Some(Tokens::OAuth2(Box::new(TokenSource::new(oauth2, options)?))),
            None => None,
        };
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| HttpClientError::unusable(describe(&error)))?,
            config: config.clone(),
            folder: options.folder.to_owned(),
            tokens,
        })
    }

    /// Lets requests carry tokens of Microsoft Entra ID.
    pub fn with_azure_ad(
        mut self,
        config: &AzureAdConfig,
        options: ClientOptions<'_>,
        variables: Variables,
    ) -> Result<Self, HttpClientError> {
        self.tokens = Some(Tokens::AzureAd(AzureAd::new(config, options, variables)?));
        Ok(self)
    }

    /// Lets requests carry tokens of Google.
    pub fn with_google_iam(
        mut self,
        config: &GoogleIamConfig,
        options: ClientOptions<'_>,
        variables: Variables,
    ) -> Result<Self, HttpClientError> {
        self.tokens = Some(Tokens::GoogleIam(GoogleIam::new(config, options, variables)?));
        Ok(self)
    }

    /// The secrets that the settings hold themselves, to keep them out of texts.
    pub fn inline_secrets(&self) -> impl Iterator<Item = &str> {
        let config = &self.config;
        let password = config.basic_auth.as_ref().map(|auth| &auth.password);
        let credentials = config.authorization.as_ref().map(|auth| &auth.credentials);
        let client_secret = config.oauth2.as_ref().map(|oauth2| &oauth2.client_secret);
        let client_key = config.oauth2.as_ref().map(|oauth2| &oauth2.jwt.client_certificate_key);
        let headers = config.http_headers.values().flat_map(|values| &values.secrets);
        let all = [password, credentials, client_secret, client_key]
            .into_iter()
            .flatten()
            .chain(headers);
        all.map(skopos_config::Secret::expose)
    }

    /// A request without credentials: see [`Self::authorized`].
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Adds the headers and credentials of the settings.
    pub async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, HttpClientError> {
        self.authenticated(self.with_headers(request).await?).await
    }

    /// Forgets the token that a server did not take; whether there was one, so that asking again with
    /// another may help.
    pub async fn forget_token(&self) -> bool {
        match &self.tokens {
            Some(tokens) => tokens.forget().await,
            None => false,
        }
    }

    async fn with_headers(&self, mut request: RequestBuilder) -> Result<RequestBuilder, HttpClientError> {
        for (name, values) in &self.config.http_headers {
            for value in &values.values {
                request = request.header(name, value);
            }
            for secret in &values.secrets {
                request = request.header(name, secret.expose());
            }
            for file in &values.files {
                request = request.header(name, read_secret(&self.folder, file).await?);
            }
        }
        Ok(request)
    }

    async fn authenticated(&self, request: RequestBuilder) -> Result<RequestBuilder, HttpClientError> {
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
        if let Some(tokens) = &self.tokens {
            let headers = tokens.headers().await?.into_iter();
            return Ok(headers.fold(request, |request, (name, value)| request.header(name, value)));
        }
        Ok(request)
    }

    async fn inline_or_file(&self, inline: &str, file: &str) -> Result<String, HttpClientError> {
        if file.is_empty() {
            Ok(inline.to_owned())
        } else {
            read_secret(&self.folder, file).await
        }
    }
}

/// Reads a secret's file, without the white space around it. Relative paths start at `folder`.
pub async fn read_secret(folder: &Path, file: impl AsRef<Path>) -> Result<String, HttpClientError> {
    let path = folder.join(file);
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(HttpClientError::Read {
            path,
            reason: error.to_string(),
        }),
    }
}

/// What went wrong, by its innermost cause: it says what happened and names no URL, which may hold
/// a secret.
pub fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, std::ptr::from_ref(error)) {
        return kind_of(error).to_owned();
    }
    cause.to_string()
}

fn kind_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timed out"
    } else if error.is_builder() {
        "the request cannot be built: is the URL valid?"
    } else if error.is_redirect() {
        "too many redirects"
    } else {
        "the connection failed"
    }
}

fn with_proxy(builder: ClientBuilder, config: &ProxyConfig) -> Result<ClientBuilder, HttpClientError> {
    if config.proxy_from_environment {
        return Ok(builder);
    }
    if config.proxy_url.is_empty() {
        return Ok(builder.no_proxy());
    }
    let mut headers = HeaderMap::new();
    for (name, values) in &config.proxy_connect_header {
        let name: HeaderName = name
            .parse()
            .map_err(|_| HttpClientError::unusable(format!("{name:?} is not a header's name")))?;
        for value in values {
            let value =
                HeaderValue::from_str(value.expose()).map_err(|error| HttpClientError::unusable(error.to_string()))?;
            headers.append(name.clone(), value);
        }
    }
    let proxy = Proxy::all(&config.proxy_url).map_err(|error| HttpClientError::unusable(describe(&error)))?;
    Ok(builder.proxy(proxy.no_proxy(NoProxy::from_string(&config.no_proxy)).headers(headers)))
}
