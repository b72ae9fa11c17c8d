//! The HTTP client of the query commands: one request, and errors that say what to do.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use skopos_config::HttpClientConfig;
use skopos_core::{Clock as _, SystemClock};
use skopos_http_client::{ClientOptions, HttpClient};
use url::Url;

use crate::cli::query::ServerArgs;

const TIMEOUT: Duration = Duration::from_secs(150);
const TENANT_HEADER: &str = "X-Scope-OrgID";

/// Asks `path` with `parameters` and gives the JSON body of a successful answer.
pub(crate) async fn get(server: &ServerArgs, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<Value> {
    let answer = send(server, path, |client, url| {
        client.request(Method::GET, url).query(parameters)
    })
    .await?;
    answer.json()
}

/// The same, but `None` for what does not exist.
pub(crate) async fn find(server: &ServerArgs, path: &str) -> anyhow::Result<Option<Value>> {
    let answer = send(server, path, |client, url| client.request(Method::GET, url)).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    answer.json().map(Some)
}

/// Posts a JSON body to `path` and gives the JSON body of a successful answer.
pub(crate) async fn post(server: &ServerArgs, path: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = send(server, path, |client, url| client.request(Method::POST, url).json(body)).await?;
    answer.json()
}

/// Deletes what is at `path`.
pub(crate) async fn delete(server: &ServerArgs, path: &str) -> anyhow::Result<()> {
    let answer = send(server, path, |client, url| client.request(Method::DELETE, url)).await?;
    answer.check()
}

/// A path whose last parts come from outside, such as names with slashes.
pub(crate) fn path(start: &str, parts: &[&str]) -> String {
    let mut url = Url::parse("http://localhost").expect("a constant URL");
    url.set_path(start);
    url.path_segments_mut().expect("URLs of HTTP have a path").extend(parts);
    url.path().to_owned()
}

struct Answer {
    url: String,
    status: StatusCode,
    body: String,
}

impl Answer {
    fn check(&self) -> anyhow::Result<()> {
        if self.status.is_success() {
            return Ok(());
        }
        bail!("{}", error_text(self.status.as_u16(), &self.body))
    }

    fn json(&self) -> anyhow::Result<Value> {
        self.check()?;
        serde_json::from_str(&self.body).with_context(|| format!("{} did not answer with JSON", self.url))
    }
}

async fn send(
    server: &ServerArgs,
    path: &str,
    request: impl FnOnce(&HttpClient, &str) -> reqwest::RequestBuilder,
) -> anyhow::Result<Answer> {
    let url = format!("{}{path}", server.server.trim_end_matches('/'));
    let client = client(server.http_config.as_deref())?;
    let request = request(&client, &url).timeout(TIMEOUT);
    let mut request = client.authorized(request).await?;
    if let Some(tenant) = &server.tenant {
        request = request.header(TENANT_HEADER, tenant);
    }
    let response = request.send().await.with_context(|| {
        format!(
            "failed to reach {url}\nIs Skopos running there? Start it with `skopos`, or name another with --server."
        )
    })?;
    let status = response.status();
    let body = response
        .text()
        .await
        .with_context(|| format!("failed to read the answer of {url}"))?;
    Ok(Answer { url, status, body })
}

/// A client with what the file says of credentials and TLS.
fn client(file: Option<&Path>) -> anyhow::Result<HttpClient> {
    // As for any command, a proxy of the environment is used where no file says otherwise.
    let from_environment = || {
        let mut config = HttpClientConfig::default();
        config.proxy.proxy_from_environment = true;
        config
    };
    let config = file.map_or_else(|| Ok(from_environment()), HttpClientConfig::load)?;
    let options = ClientOptions {
        folder: file.and_then(Path::parent).unwrap_or(Path::new("")),
        user_agent: concat!("skopos/", env!("CARGO_PKG_VERSION")),
        compression: true,
    };
    HttpClient::new(&config, options).context("failed to set up the HTTP client")
}

/// The server's own words, from the envelopes of Prometheus, Alertmanager and Jaeger or as plain text.
fn error_text(status: u16, body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let text = parsed.as_ref().and_then(|json| {
        json["error"]
            .as_str()
            .or_else(|| json["message"].as_str())
            .or_else(|| json.as_str())
            .or_else(|| json["errors"][0]["msg"].as_str())
            .map(str::to_owned)
    });
    format!(
        "the server answered {status}: {}",
        text.unwrap_or_else(|| body.trim().to_owned())
    )
}

/// A point in time as milliseconds: a duration before now, a Unix time in seconds, or RFC 3339.
pub(crate) fn time_ms(text: &str) -> anyhow::Result<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0) as i64);
    }
    if let Ok(before) = skopos_config::parse_duration(text.trim_start_matches('-')) {
        return Ok(SystemClock.now_ms() - before.as_millis() as i64);
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .ok()
        .with_context(|| format!("{text:?} is no time: expected a duration before now (15m), a Unix time or RFC 3339"))
}

/// `time_ms`, or now.
pub(crate) fn time_or_now_ms(text: Option<&str>) -> anyhow::Result<i64> {
    text.map_or_else(|| Ok(SystemClock.now_ms()), time_ms)
}

/// A point in time that may lie ahead: RFC 3339 or Unix seconds.
pub(crate) fn instant_ms(text: &str) -> anyhow::Result<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0) as i64);
    }
    let time: jiff::Timestamp = text
        .parse()
        .ok()
        .with_context(|| format!("{text:?} is no time: expected RFC 3339 or Unix seconds"))?;
    Ok(time.as_millisecond())
}

/// A time as APIs read it.
pub(crate) fn rfc3339(timestamp_ms: i64) -> anyhow::Result<String> {
    Ok(jiff::Timestamp::from_millisecond(timestamp_ms)
        .with_context(|| format!("{timestamp_ms} ms lies beyond the calendar"))?
        .to_string())
}

/// A span of time for people, whole seconds from one second on.
pub(crate) fn show_duration_ms(duration_ms: i64) -> String {
    let ms = duration_ms.unsigned_abs();
    let shown = if ms < 1000 { ms } else { ms / 1000 * 1000 };
    skopos_config::format_duration(Duration::from_millis(shown))
}

/// A time for people: local, to the millisecond.
pub(crate) fn show_time_ms(timestamp_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(timestamp_ms).map_or_else(
        |_| timestamp_ms.to_string(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S%.3f")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_form() {
        assert_eq!(time_ms("1.5").ok(), Some(1500));
        assert_eq!(time_ms("1970-01-01T00:00:02Z").ok(), Some(2000));
        assert!(time_ms("15m").is_ok_and(|at| SystemClock.now_ms() - at >= 15 * 60_000));
        assert!(time_ms("soon").is_err());
    }

    #[test]
    fn errors_are_the_servers_words() {
        assert_eq!(
            error_text(400, r#"{"status":"error","error":"no"}"#),
            "the server answered 400: no"
        );
        assert_eq!(
            error_text(404, r#"{"errors":[{"code":404,"msg":"trace not found"}]}"#),
            "the server answered 404: trace not found"
        );
        assert_eq!(error_text(503, "busy\n"), "the server answered 503: busy");
        assert_eq!(
            error_text(400, "\"silence invalid\"\n"),
            "the server answered 400: silence invalid"
        );
        let schema = r#"{"code":601,"message":"silenceID in path must be of type uuid"}"#;
        assert_eq!(
            error_text(422, schema),
            "the server answered 422: silenceID in path must be of type uuid"
        );
    }

    #[test]
    fn names_in_paths_and_times_ahead() {
        assert_eq!(path("/a", &["web/pager #1", "test"]), "/a/web%2Fpager%20%231/test");
        assert_eq!(instant_ms("2").ok(), Some(2000));
        assert_eq!(
            rfc3339(instant_ms("2030-01-01T00:00:00Z").expect("a time")).ok(),
            Some("2030-01-01T00:00:00Z".to_owned())
        );
        assert!(instant_ms("5m").is_err());
        assert_eq!(show_duration_ms(250), "250ms");
        assert_eq!(show_duration_ms(62_700), "1m2s");
    }
}
