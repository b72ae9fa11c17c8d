//! The page: its assets, and its entry for every path that no API has.

use axum::http::Uri;
use axum::response::Response;

use crate::text;

/// Answers what no route took.
pub(crate) async fn serve(_uri: Uri) -> Response {
    text::not_found()
}
