//! The HTTP client of the query commands: one request, and errors that say what to do.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use skopos_core::{Clock as _, SystemClock};

use crate::cli::query::ServerArgs;

const TIMEOUT: Duration = Duration::from_secs(150);
const TENANT_HEADER: &str = "X-Scope-OrgID";

/// Asks `path` with `parameters` and gives the JSON body of a successful answer.
pub(crate) async fn get(server: &ServerArgs, path: &str, parameters: &[(&str, String)]) -> anyhow::Result<Value> {
    send(server, path, |client, url| client.get(url).query(parameters)).await
}

/// Posts a JSON body to `path` and gives the JSON body of a successful answer.
pub(crate) async fn post(server: &ServerArgs, path: &str, body: &Value) -> anyhow::Result<Value> {
    send(server, path, |client, url| client.post(url).json(body)).await
}

async fn send(
    server: &ServerArgs,
    path: &str,
    request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
) -> anyhow::Result<Value> {
    let url = format!("{}{path}", server.server.trim_end_matches('/'));
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .build()
        .context("failed to set up the HTTP client")?;
    let mut request = request(&client, &url);
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
    if !status.is_success() {
        bail!("{}", error_text(status.as_u16(), &body));
    }
    serde_json::from_str(&body).with_context(|| format!("{url} did not answer with JSON"))
}

/// The server's own words, from the envelopes of Prometheus and Jaeger or as plain text.
fn error_text(status: u16, body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let text = parsed.as_ref().and_then(|json| {
        json["error"]
            .as_str()
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
    }
}
