//! `http_sd_configs`: a server that answers a JSON list of target groups.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use skopos_config::{TargetGroup, parse_target_groups};
use skopos_http_client::HttpClient;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::request::{self, without_query};
use crate::source::{Output, Refresh, Rhythm, refresh};

const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);

/// Begins to ask.
pub(crate) fn start(setup: Setup, output: Output) {
    let rhythm = Rhythm {
        mechanism: "http",
        interval: setup.config.values().duration_or("refresh_interval", DEFAULT_INTERVAL),
    };
    let build = move || {
        Ok(HttpSource {
            client: setup.client()?,
            url: setup.config.values().text("url").to_owned(),
            interval: rhythm.interval,
        })
    };
    tokio::spawn(refresh(build, rhythm, output));
}

#[derive(Debug)]
struct HttpSource {
    client: HttpClient,
    url: String,
    interval: Duration,
}

impl Refresh for HttpSource {
    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, DiscoveryError> {
        let request = self
            .client
            .request(Method::GET, &self.url)
            .header(ACCEPT, "application/json")
            .header(
                "X-Prometheus-Refresh-Interval-Seconds",
                self.interval.as_secs_f64().to_string(),
            );
        let response = request::send(&self.client, request, &self.url).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !is_json(content_type) {
            let reason = format!(
                "the answer's content type is {content_type:?}; HTTP discovery answers application/json in UTF-8"
            );
            return Err(DiscoveryError::unreadable(&self.url, reason));
        }
        let body = request::body(response, &self.url).await?;
        groups(&body, &self.url)
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_type = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_type
        && parts.all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// The groups of an answer. YAML's reader takes JSON and tells places.
fn groups(body: &[u8], url: &str) -> Result<Vec<TargetGroup>, DiscoveryError> {
    let text = std::str::from_utf8(body).map_err(|error| DiscoveryError::unreadable(url, error))?;
    if !text.trim_start().starts_with('[') {
        return Err(DiscoveryError::unreadable(
            url,
            "a JSON list of target groups is expected",
        ));
    }
    let shown = without_query(url);
    let mut groups =
        parse_target_groups(text, Path::new(&shown)).map_err(|error| DiscoveryError::unreadable(url, error))?;
    for group in &mut groups {
        group.labels.insert("__meta_url".to_owned(), url.to_owned());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_as_prometheus_takes_them() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/json; charset=latin1",
            "application/jsonl",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn an_answer_that_is_no_list_is_refused() {
        let url = "http://sd.example/targets?token=hidden";
        for body in ["{}", "", "null", "[{\"targets\": [1"] {
            let error = groups(body.as_bytes(), url).expect_err(body).to_string();
            assert!(
                error.contains("http://sd.example/targets") && !error.contains("hidden"),
                "{error}"
            );
        }
        assert_eq!(groups(b"[]", url).expect("an empty list"), []);
    }
}
