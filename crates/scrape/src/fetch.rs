//! Gets the body of a target: over HTTP, or from inside this process.

mod http;

use std::sync::Arc;
use std::time::Duration;

use skopos_wire::exposition::{BodyFormat, Format};

pub(crate) use http::HttpFetcher;

/// Largest body where no limit is configured.
const DEFAULT_BODY_LIMIT_BYTES: usize = 256 << 20;

/// Something inside this process that exposes metrics and is scraped like any other target.
pub trait InProcessTarget: Send + Sync + std::fmt::Debug {
    /// All metrics as they are now, in the text exposition format 0.0.4.
    fn render(&self) -> String;
}

/// A body as it came.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    pub(crate) format: BodyFormat,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// No answer, or a broken one.
    #[error("Get {url:?}: {reason}")]
    Transport { url: String, reason: String },
    /// It took longer than the timeout.
    #[error("Get {url:?}: context deadline exceeded")]
    Timeout { url: String },
    /// An answer other than 200.
    #[error("server returned HTTP status {status}")]
    Status { status: String },
    /// The body is larger than allowed.
    #[error("body size limit exceeded: {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    /// The format is not known.
    #[error("{reason}")]
    ContentType { reason: String },
    /// A password, token or certificate file is not usable, or the client cannot be built.
    #[error("{reason}")]
    Credentials { reason: String },
}

/// How a target is reached.
#[derive(Debug, Clone)]
pub(crate) enum Fetcher {
    Http(Arc<HttpFetcher>),
    InProcess(Arc<dyn InProcessTarget>),
    /// The job's HTTP client cannot be built; each scrape fails with the reason.
    Broken(Arc<str>),
}

impl Fetcher {
    /// Gets the body of `url` within `timeout`.
    pub(crate) async fn fetch(&self, url: &str, timeout: Duration) -> Result<Fetched, FetchError> {
        let late = |_| FetchError::Timeout { url: url.to_owned() };
        match self {
            Self::Http(fetcher) => tokio::time::timeout(timeout, fetcher.fetch(url, timeout))
                .await
                .map_err(late)?,
            Self::InProcess(target) => {
                let target = Arc::clone(target);
                let rendered = tokio::task::spawn_blocking(move || target.render());
                let rendered = tokio::time::timeout(timeout, rendered).await.map_err(late)?;
                let body = rendered.map_err(|error| FetchError::Transport {
                    url: url.to_owned(),
                    reason: error.to_string(),
                })?;
                Ok(Fetched {
                    body: body.into_bytes(),
                    format: BodyFormat::Text(Format::Text),
                })
            }
            Self::Broken(reason) => Err(FetchError::Credentials {
                reason: reason.to_string(),
            }),
        }
    }
}
