//! What stands before all HTTP listeners where a web configuration says so: TLS, users, headers of answers, and
//! a limit of requests, as Prometheus' exporter-toolkit has them.
//!
//! Whether there is TLS at all, HTTP/2, and the limit are decided at the start. Certificates are read for each
//! connection, users and headers when the file has changed.

mod clients;
mod limit;
mod tls;
mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;
use skopos_config::WebConfig;

use self::limit::Limiter;
use self::users::{Credentials, Verifier};
use crate::{telemetry, text};

/// A web configuration that is in force.
#[derive(Debug)]
pub struct WebGuard {
    path: PathBuf,
    has_tls: bool,
    http2: bool,
    loaded: Mutex<Loaded>,
    verifier: Verifier,
    limiter: Option<Limiter>,
}

/// The file as it was read last.
#[derive(Debug)]
struct Loaded {
    stamp: Option<Stamp>,
    config: Arc<WebConfig>,
}

/// What tells whether a file has changed.
type Stamp = (SystemTime, u64);

/// A web configuration that cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum WebConfigError {
    /// The file is wrong.
    #[error("{0}")]
    File(#[from] skopos_config::ConfigError),
    /// Certificates, keys or authorities are wrong.
    #[error("{}: tls_server_config: {reason}", path.display())]
    Tls {
        /// The configuration.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl WebGuard {
    /// Reads the file and all that it names.
    pub fn open(path: &Path) -> Result<Self, WebConfigError> {
        let stamp = stamp(path);
        let config = WebConfig::load(path)?;
        if let Some(tls) = &config.tls {
            tls::server_config(tls, config.http2).map_err(|reason| WebConfigError::Tls {
                path: path.to_path_buf(),
                reason,
            })?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            has_tls: config.tls.is_some(),
            http2: config.http2,
            limiter: config.rate_limit.map(Limiter::new),
            verifier: Verifier::default(),
            loaded: Mutex::new(Loaded {
                stamp,
                config: Arc::new(config),
            }),
        })
    }

    /// Whether listeners speak TLS.
    pub fn has_tls(&self) -> bool {
        self.has_tls
    }

    /// Whether nobody is answered who is not known, by a password or a certificate.
    pub fn knows_clients(&self) -> bool {
        let config = Arc::clone(&self.loaded.lock().config);
        let is_verified = |tls: &skopos_config::TlsServerConfig| {
            tls.client_auth == skopos_config::ClientAuth::RequireAndVerifyClientCert
        };
        !config.users.is_empty() || config.tls.as_ref().is_some_and(is_verified)
    }

    /// TLS of the next connection: everything is read anew.
    pub(crate) fn tls(&self) -> Result<Arc<rustls::ServerConfig>, String> {
        let config = WebConfig::load(&self.path).map_err(|error| error.to_string())?;
        let tls = config.tls.ok_or("tls_server_config is gone from the file")?;
        tls::server_config(&tls, self.http2).map(Arc::new)
    }

    /// The file as it is now.
    fn config(&self) -> Result<Arc<WebConfig>, String> {
        let mut loaded = self.loaded.lock();
        let stamp = stamp(&self.path);
        if stamp.is_none() || loaded.stamp != stamp {
            let config = WebConfig::load(&self.path).map_err(|error| error.to_string())?;
            *loaded = Loaded {
                stamp,
                config: Arc::new(config),
            };
        }
        Ok(Arc::clone(&loaded.config))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Lets requests through that the configuration allows.
pub(crate) async fn guard(State(guard): State<Arc<WebGuard>>, request: Request, next: Next) -> Response {
    let config = match guard.config() {
        Ok(config) => config,
        Err(error) => {
            telemetry::WEB_REFUSED.with_label_values(&["configuration"]).inc();
            tracing::error!(error, "the web configuration cannot be read: no request is answered");
            return text::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n");
        }
    };
    if guard.limiter.as_ref().is_some_and(|limiter| !limiter.takes_one()) {
        telemetry::WEB_REFUSED.with_label_values(&["rate_limit"]).inc();
        return text::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n");
    }
    let header = request.headers().get(AUTHORIZATION);
    let credentials = header.and_then(|header| Credentials::read(header.as_bytes()));
    let mut response = if is_known(&guard, &config, credentials).await {
        next.run(request).await
    } else {
        telemetry::WEB_REFUSED.with_label_values(&["unauthorized"]).inc();
        let mut response = text::text(StatusCode::UNAUTHORIZED, "Unauthorized\n");
        let basic = HeaderValue::from_static("Basic");
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        response
    };
    for (name, value) in &config.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn is_known(guard: &WebGuard, config: &WebConfig, credentials: Option<Credentials>) -> bool {
    if config.users.is_empty() {
        return true;
    }
    match credentials {
        Some(credentials) => guard.verifier.knows(&config.users, credentials).await,
        None => false,
    }
}
