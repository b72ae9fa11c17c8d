//! The page: its assets, and its entry for every path that no API has.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use skopos_web::Asset;

use crate::text;

/// Paths below these belong to APIs: what is not there is an error, not the page.
const API_PREFIXES: [&str; 8] = ["api", "loki", "jaeger", "tempo", "otlp", "v1", "-", "assets"];
const INDEX: &str = "index.html";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers what no route took: an asset, or the page's entry for its own routes.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return text::not_found();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(asset) = skopos_web::asset(path) {
        return answer(asset, &headers);
    }
    let first = path.split('/').next().unwrap_or_default();
    if API_PREFIXES.contains(&first) {
        return text::not_found();
    }
    match skopos_web::asset(INDEX) {
        Some(index) => answer(index, &headers),
        None => text::not_found(),
    }
}

fn answer(asset: Asset, headers: &HeaderMap) -> Response {
    let mut answer_headers = HeaderMap::new();
    let cache = if asset.immutable { IMMUTABLE } else { REVALIDATE };
    answer_headers.insert(CACHE_CONTROL, cache);
    for (name, value) in [(ETAG, &asset.etag), (CONTENT_TYPE, &asset.mime)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer_headers.insert(name, value);
        }
    }
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == asset.etag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, answer_headers).into_response();
    }
    (answer_headers, asset.bytes.into_owned()).into_response()
}
