//! By which name a request is told of: a pattern of paths, never its path.

use axum::extract::MatchedPath;
use http::Request;

use super::{HttpOptions, UNMATCHED};

/// The route of one request.
#[derive(Debug)]
pub(super) enum Route {
    /// What a router of axum has matched.
    Matched(MatchedPath),
    /// What the service itself says, or that nothing is known.
    Named(&'static str),
}

impl Route {
    pub(super) fn of<B>(request: &Request<B>, options: &HttpOptions) -> Self {
        if let Some(matched) = request.extensions().get::<MatchedPath>() {
            return Self::Matched(matched.clone());
        }
        let named = options.route_of.and_then(|of| of(request.method(), request.uri()));
        Self::Named(named.unwrap_or(UNMATCHED))
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Matched(matched) => matched.as_str(),
            Self::Named(name) => name,
        }
    }
}
