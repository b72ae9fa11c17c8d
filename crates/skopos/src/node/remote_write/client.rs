//! Requests to a remote.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use skopos_config::RemoteWriteConfig;
use skopos_core::{Clock as _, SystemClock};
use skopos_http_client::aws::{AMAZON_PROMETHEUS, RequestSigner};
use skopos_http_client::{ClientOptions, HttpClient, Variables, trace_headers};
use skopos_remote_write::{Answer, Message, Sent, Verdict, judge};
use tracing::{Instrument as _, Span};

/// Most of an answer that is read, to be told.
const MAX_ANSWER_BYTES: usize = 512;
const USER_AGENT: &str = concat!("skopos/", env!("CARGO_PKG_VERSION"));
const WRITTEN: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

/// Sends bodies to one URL.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient,
    url: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
    retry_on_429: bool,
    signer: Option<RequestSigner>,
}

/// What a request came to.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) verdict: Verdict,
    /// What to tell, of all but a success.
    pub(super) text: String,
}

impl Client {
    pub(super) fn new(section: &RemoteWriteConfig, folder: &Path) -> anyhow::Result<Self> {
        let options = ClientOptions {
            folder,
            user_agent: USER_AGENT,
            compression: false,
        };
        let mut http = if section.round_robin_dns {
            HttpClient::round_robin(&section.http_client, options)?
        } else {
            HttpClient::new(&section.http_client, options)?
        };
        if let Some(azuread) = &section.azuread {
            http = http.with_azure_ad(azuread, options, Variables::of_process())?;
        }
        if let Some(google_iam) = &section.google_iam {
            http = http.with_google_iam(google_iam, options, Variables::of_process())?;
        }
        let headers = section.headers.iter();
        Ok(Self {
            http,
            url: section.url.clone(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            timeout: section.remote_timeout,
            retry_on_429: section.queue_config.retry_on_http_429,
            signer: section
                .sigv4
                .clone()
                .map(|sigv4| RequestSigner::new(sigv4, AMAZON_PROMETHEUS)),
        })
    }

    /// Posts a body that carries `sent`. A request without an answer may be made again.
    pub(super) async fn post(&self, message: Message, body: Vec<u8>, sent: Sent) -> Posted {
        let span = tracing::debug_span!("Remote Store", otel.kind = "client", http.request.method = "POST");
        let answer = self.answer(&span, message, body, sent).instrument(span.clone());
        match answer.await {
            Ok(posted) => posted,
            Err(text) => Posted {
                verdict: Verdict::Again { after: None },
                text,
            },
        }
    }

    async fn answer(&self, span: &Span, message: Message, body: Vec<u8>, sent: Sent) -> Result<Posted, String> {
        let mut request = self.http.request(Method::POST, &self.url).timeout(self.timeout);
        request = request.headers(trace_headers(span));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .header(CONTENT_ENCODING, "snappy")
            .header("X-Prometheus-Remote-Write-Version", message.version());
        let mut answer = self.exchange(request, message.content_type(), body).await?;
        let verdict = verdict(&answer, message, sent, self.retry_on_429);
        let mut text = Vec::new();
        while text.len() < MAX_ANSWER_BYTES {
            match answer.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                // The status says enough.
                Ok(None) | Err(_) => break,
            }
        }
        text.truncate(MAX_ANSWER_BYTES);
        Ok(Posted {
            verdict,
            text: format!("{}: {}", answer.status(), String::from_utf8_lossy(&text).trim()),
        })
    }

    async fn exchange(&self, request: RequestBuilder, content_type: &str, body: Vec<u8>) -> Result<Response, String> {
        if let Some(signer) = &self.signer {
            let request = self.authorized(request).await?;
            let signed = signer.signed(&self.http, request, &self.url, content_type, body).await;
            return send(signed.map_err(|error| error.to_string())?).await;
        }
        let request = request.header(CONTENT_TYPE, content_type).body(body);
        let again = request.try_clone();
        let answer = send(self.authorized(request).await?).await?;
        // A token that was withdrawn before its time.
        if answer.status() == StatusCode::UNAUTHORIZED
            && let Some(again) = again
            && self.http.forget_token().await
        {
            return send(self.authorized(again).await?).await;
        }
        Ok(answer)
    }

    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, String> {
        let authorized = self.http.authorized(request).await;
        authorized.map_err(|error| error.to_string())
    }
}

async fn send(request: RequestBuilder) -> Result<Response, String> {
    let answer = request.send().await;
    answer.map_err(|error| skopos_http_client::describe(&error))
}

fn verdict(answer: &Response, message: Message, sent: Sent, retry_on_429: bool) -> Verdict {
    let headers = answer.headers();
    let known = Answer {
        status: answer.status().as_u16(),
        retry_after: text(headers, RETRY_AFTER.as_str()),
        written: WRITTEN.map(|name| text(headers, name)),
    };
    let now_s = SystemClock.now_ms() / 1000;
    judge(known, sent, message == Message::V2, retry_on_429, now_s)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
