//! Jaeger's pages on its classic port, where our page is, too: what one of Jaeger's addresses says is said in ours.

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::router::Shared;
use crate::web;

/// Where our page searches for traces.
const TRACES: &str = "/explore/traces";

type Params = Query<Vec<(String, String)>>;

/// The addresses of Jaeger's pages that mean something in ours.
pub(crate) fn pages() -> Router<Shared> {
    Router::new()
        .route("/", get(search))
        .route("/search", get(search))
        .route("/trace/{trace_id}", get(trace))
}

async fn search(Query(params): Params) -> Redirect {
    Redirect::temporary(&search_path(&params))
}

/// The address of a trace is the same in both, but for the text that is looked for in it.
async fn trace(method: Method, uri: Uri, Query(params): Params, headers: HeaderMap) -> Response {
    match params.iter().find(|(name, _)| name == "uiFind") {
        Some((_, text)) => {
            let query = Serializer::new(String::new()).append_pair("find", text).finish();
            Redirect::temporary(&format!("{}?{query}", uri.path())).into_response()
        }
        None => web::serve(method, uri, headers).await,
    }
}

/// A search of Jaeger's page as one of ours.
fn search_path(params: &[(String, String)]) -> String {
    let value = |name: &str| {
        params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let mut query = Serializer::new(String::new());
    for name in ["service", "operation", "minDuration", "maxDuration", "limit"] {
        let said = value(name).filter(|said| !said.is_empty() && (name != "operation" || *said != "all"));
        said.inspect(|said| {
            query.append_pair(name, said);
        });
    }
    let tags = logfmt(params);
    if !tags.is_empty() {
        query.append_pair("tags", &tags);
    }
    let micros = |name: &str| value(name)?.parse::<i64>().ok();
    if let Some(lookback) = value("lookback").filter(|lookback| is_span(lookback)) {
        query
            .append_pair("from", &format!("now-{lookback}"))
            .append_pair("to", "now");
    } else if let (Some(start), Some(end)) = (micros("start"), micros("end")) {
        query
            .append_pair("from", &(start / 1000).to_string())
            .append_pair("to", &(end / 1000).to_string());
    }
    match query.finish() {
        said if said.is_empty() => TRACES.to_owned(),
        said => format!("{TRACES}?{said}"),
    }
}

/// A span of time such as `1h` or `2d`.
fn is_span(text: &str) -> bool {
    let digits = text.trim_end_matches(|letter: char| "smhdwMy".contains(letter));
    digits.len() + 1 == text.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tags, which Jaeger has as JSON in `tags` and as `key:value` in `tag`, as our page writes them.
fn logfmt(params: &[(String, String)]) -> String {
    let mut pairs = Vec::new();
    for (name, value) in params {
        match (name.as_str(), serde_json::from_str(value), value.split_once(':')) {
            ("tags", Ok(Value::Object(tags)), _) => {
                pairs.extend(tags.into_iter().map(|(key, value)| match value {
                    Value::String(text) => tag(&key, &text),
                    other => tag(&key, &other.to_string()),
                }));
            }
            ("tag", _, Some((key, value))) => pairs.push(tag(key, value)),
            _ => {}
        }
    }
    pairs.join(" ")
}

/// One tag; quotes where a value needs them.
fn tag(key: &str, value: &str) -> String {
    let is_bare = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=');
    if !value.is_empty() && value.chars().all(is_bare) {
        return format!("{key}={value}");
    }
    let quoted = value.replace('\\', r"\\").replace('"', "\\\"");
    format!("{key}=\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    #[test]
    fn searches_keep_their_meaning() {
        for (asked, path) in [
            ("", "/explore/traces"),
            ("operation=all&service=", "/explore/traces"),
            (
                "service=shop&operation=GET+%2Fx&limit=20&lookback=2d&start=1&end=2&minDuration=1.2ms&maxDuration=",
                "/explore/traces?service=shop&operation=GET+%2Fx&minDuration=1.2ms&limit=20&from=now-2d&to=now",
            ),
            (
                "lookback=custom&start=1700000000000000&end=1700000060000000",
                "/explore/traces?from=1700000000000&to=1700000060000",
            ),
            (
                r#"tags={"error":"true","m":"a b","n":7}&tag=k:v:w"#,
                "/explore/traces?tags=error%3Dtrue+m%3D%22a+b%22+n%3D7+k%3Dv%3Aw",
            ),
            ("tags=nonsense&lookback=-1h", "/explore/traces"),
        ] {
            assert_eq!(search_path(&params(asked)), path, "{asked}");
        }
    }
}
