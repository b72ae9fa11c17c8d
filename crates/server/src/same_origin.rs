//! Pages of other sites may read answers, as Prometheus lets them, but may not change anything through
//! Skopos' own API: a visitor's browser reaches a server that its page does not.

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use regex::Regex;

use crate::text;

/// Lets requests through that only read, that come from no page, or from one of this server or of an
/// origin that is named (`--web.cors.origin`).
pub(crate) async fn guard(State(named): State<Option<Regex>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || is_ours(request.headers(), named.as_ref()) {
        return next.run(request).await;
    }
    text::text(
        StatusCode::FORBIDDEN,
        "a page of another site may not change anything here; if it is yours, name its origin by --web.cors.origin\n",
    )
}

fn is_ours(headers: &HeaderMap, named: Option<&Regex>) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        // Browsers send it with everything but reads; programs do not.
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == host || named.is_some_and(|pattern| pattern.is_match(origin))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ours(origin: Option<&'static str>, named: Option<&Regex>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("skopos.example:9090"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        is_ours(&headers, named)
    }

    #[test]
    fn foreign_pages_are_told_from_our_own_and_from_programs() {
        assert!(ours(None, None));
        assert!(ours(Some("https://skopos.example:9090"), None));
        for foreign in ["https://evil.example", "https://skopos.example", "null", ""] {
            assert!(!ours(Some(foreign), None), "{foreign}");
        }
        let named = Regex::new(r"^https://wiki\.example$").expect("a pattern");
        assert!(ours(Some("https://wiki.example"), Some(&named)));
        assert!(!ours(Some("https://evil.example"), Some(&named)));
    }
}
