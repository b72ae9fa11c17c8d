//! Requests to Amazon's APIs: whose keys, and the signature.

mod chain;
mod credentials;
mod sigv4;

pub use chain::{AwsError, KeyChain, RequestSigner};
pub use credentials::{Credentials, CredentialsError, KeySettings};
pub use sigv4::Signer;

use reqwest::Method;
use reqwest::RequestBuilder;
use url::Url;

use crate::HttpClient;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// What Amazon calls its Prometheus in signatures.
pub const AMAZON_PROMETHEUS: &str = "aps";
/// What Amazon calls us in the sessions of an assumed role.
pub const SESSION_NAME: &str = "skopos";

/// The parameters of `AssumeRole` of Amazon's token service.
pub fn assume_role_form(role_arn: &str, external_id: &str) -> Vec<(String, String)> {
    let mut form = vec![
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", role_arn),
        ("RoleSessionName", SESSION_NAME),
    ];
    if !external_id.is_empty() {
        form.push(("ExternalId", external_id));
    }
    form.into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A signed POST of a form to a query API.
pub fn form_request(
    client: &HttpClient,
    url: &Url,
    signer: &Signer<'_>,
    form: &[(String, String)],
    now: jiff::Timestamp,
) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let headers = signer.sign(url, FORM, body.as_bytes(), now);
    let request = client.request(Method::POST, url.as_str()).body(body);
    headers
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value))
}

/// The content of the first element `name` of an answer, which holds text alone.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let after = xml.split_once(&format!("<{name}>"))?.1;
    Some(after.split_once(&format!("</{name}>"))?.0)
}
