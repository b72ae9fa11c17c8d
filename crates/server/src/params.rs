//! Parameters of a request: the query string and, for POST, the form in the body.

use axum::body::Body;
use axum::extract::FromRequest;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};

use crate::prometheus::envelope;
use crate::text;

/// Largest form that is read (Go's `http.Request.ParseForm`).
const MAX_FORM_BYTES: usize = 10 * 1024 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Parameters in the order they came: those of the body before those of the query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads a query string.
    #[cfg(test)]
    pub(crate) fn from_query(query: &str) -> Self {
        let mut params = Self::default();
        params.extend(query.as_bytes());
        params
    }

    /// The first value of `name`, or an empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or("")
    }

    /// The first value of `name` if it was given.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of `name` if it was given and is not empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// All values of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn extend(&mut self, encoded: &[u8]) {
        self.pairs.extend(url::form_urlencoded::parse(encoded).into_owned());
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, _state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let mut params = Self::default();
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match content_type.filter(|_| matches!(parts.method, Method::POST | Method::PUT)) {
            Some(value) if value.starts_with(FORM) => params.extend(&read_form(body).await?),
            Some(value) if value.starts_with(MULTIPART) => {
                params.pairs.extend(read_multipart(value, body).await?);
            }
            _ => {}
        }
        params.extend(parts.uri.query().unwrap_or("").as_bytes());
        Ok(params)
    }
}

/// The fields of a form in parts, as `multipart/form-data` has them.
async fn read_multipart(content_type: &str, body: Body) -> Result<Vec<(String, String)>, Response> {
    let refused = |error: multer::Error| envelope::bad_data(format!("error parsing form values: {error}"));
    let boundary = multer::parse_boundary(content_type).map_err(refused)?;
    let whole = read_form(body).await?;
    let stream = tokio_stream::once(Ok::<_, std::convert::Infallible>(whole));
    let mut form = multer::Multipart::new(stream, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = form.next_field().await.map_err(refused)? {
        let name = field.name().unwrap_or_default().to_owned();
        pairs.push((name, field.text().await.map_err(refused)?));
    }
    Ok(pairs)
}

async fn read_form(body: Body) -> Result<bytes::Bytes, Response> {
    match Limited::new(body, MAX_FORM_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(text::text(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("form body larger than {MAX_FORM_BYTES} bytes"),
        )),
        Err(error) => Err(envelope::bad_data(format!("error parsing form values: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_repeat_and_decode() {
        let params = Params::from_query("match%5B%5D=a%7Bb%3D%221%22%7D&match[]=c+d&limit=");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a{b=\"1\"}", "c d"]);
        assert_eq!(params.find("limit"), Some(""));
        assert_eq!(params.non_empty("limit"), None);
        assert_eq!(params.get("nothing"), "");
    }
}
