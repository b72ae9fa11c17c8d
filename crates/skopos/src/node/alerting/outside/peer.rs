//! One other Alertmanager: the alerts that wait for it, and the task that sends them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use skopos_alertmanager::alert::PostableAlert;
use skopos_core::Labels;
use skopos_http_client::aws::RequestSigner;
use skopos_http_client::{HttpClient, trace_headers};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::metrics::{DropReason, PeerMetrics};
use super::rfc3339;
use crate::node::alerting::history::pairs;

/// Alerts that may wait (`--alertmanager.notification-queue-capacity`).
pub(super) const CAPACITY: usize = 10_000;
/// Most alerts of a request.
const BATCH: usize = 256;

/// An Alertmanager. Dropped, it gets what still waits for it and no more.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) url: String,
    queue: Arc<Queue>,
    _end: DropGuard,
}

/// How requests are made.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) client: Arc<HttpClient>,
    pub(super) timeout: Duration,
    pub(super) signer: Option<Arc<RequestSigner>>,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Rings when there is something to send.
    filled: Notify,
    /// Rings when a request ended.
    sent: Notify,
    metrics: PeerMetrics,
}

#[derive(Debug, Default)]
struct Waiting {
    alerts: VecDeque<Value>,
    /// Alerts that are on their way.
    on_the_way: usize,
}

impl Peer {
    /// Begins to send to `url`.
    pub(super) fn start(url: String, sending: Sending) -> Self {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            filled: Notify::new(),
            sent: Notify::new(),
            metrics: PeerMetrics::new(&url),
        });
        let end = CancellationToken::new();
        tokio::spawn(deliver(Arc::clone(&queue), url.clone(), sending, end.clone()));
        Self {
            url,
            queue,
            _end: end.drop_guard(),
        }
    }

    /// Lets alerts wait; if they are too many the oldest give way.
    pub(super) fn push(&self, alerts: Vec<Value>) {
        if alerts.is_empty() {
            return;
        }
        let mut waiting = self.queue.waiting.lock();
        waiting.alerts.extend(alerts);
        let surplus = waiting.alerts.len().saturating_sub(CAPACITY);
        if surplus > 0 {
            waiting.alerts.drain(..surplus);
            self.queue.metrics.dropped(surplus, DropReason::QueueFull);
            tracing::warn!(
                "{}: {surplus} alerts could not wait any longer and are not sent",
                self.url
            );
        }
        self.queue.metrics.waiting(waiting.alerts.len());
        drop(waiting);
        self.queue.filled.notify_one();
    }

    /// A rule kept an alert from it.
    pub(super) fn count_relabelled(&self) {
        self.queue.metrics.relabelled();
    }

    /// Returns when nothing waits.
    pub(super) async fn drained(&self) {
        loop {
            let sent = self.queue.sent.notified();
            {
                let waiting = self.queue.waiting.lock();
                if waiting.alerts.is_empty() && waiting.on_the_way == 0 {
                    return;
                }
            }
            sent.await;
        }
    }

    /// Counts what waits as dropped by the end of the process.
    pub(super) fn count_leftovers(&self) {
        let left = std::mem::take(&mut self.queue.waiting.lock().alerts).len();
        self.queue.metrics.dropped(left, DropReason::Shutdown);
    }
}

#[cfg(test)]
impl Peer {
    /// What waits.
    pub(super) fn waiting(&self) -> Vec<Value> {
        self.queue.waiting.lock().alerts.iter().cloned().collect()
    }
}

impl Queue {
    fn take(&self) -> Vec<Value> {
        let mut waiting = self.waiting.lock();
        let count = waiting.alerts.len().min(BATCH);
        let batch: Vec<Value> = waiting.alerts.drain(..count).collect();
        waiting.on_the_way = batch.len();
        self.metrics.waiting(waiting.alerts.len());
        batch
    }
}

/// Sends what waits, batch after batch; after the end only what waited then.
async fn deliver(queue: Arc<Queue>, url: String, sending: Sending, end: CancellationToken) {
    let mut has_failed = false;
    loop {
        let batch = queue.take();
        if batch.is_empty() {
            queue.sent.notify_waiters();
            tokio::select! {
                biased;
                () = queue.filled.notified() => continue,
                () = end.cancelled() => return,
            }
        }
        let count = batch.len();
        let started = Instant::now();
        let outcome = post_traced(&sending, &url, batch).await;
        queue
            .metrics
            .posted(count, started.elapsed().as_secs_f64(), outcome.is_err());
        match outcome {
            Ok(()) if has_failed => {
                has_failed = false;
                tracing::info!("{url} takes alerts again");
            }
            Ok(()) => {}
            Err(error) => {
                queue.metrics.dropped(count, DropReason::SendFailed);
                if !has_failed {
                    tracing::warn!("{url} does not take alerts, further failures are only counted: {error}");
                }
                has_failed = true;
            }
        }
    }
}

/// Sends a batch within a span that the receiver's own spans can join.
async fn post_traced(sending: &Sending, url: &str, batch: Vec<Value>) -> Result<(), String> {
    let span = tracing::debug_span!(
        "Alertmanager Send",
        otel.kind = "client",
        otel.status_code = Empty,
        otel.status_description = Empty,
        http.request.method = "POST",
        url.full = url,
        alerts = batch.len() as i64,
    );
    let body = Value::from(batch);
    let posted = post(&span, sending, url, &body).instrument(span.clone()).await;
    if let Err(error) = &posted {
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", error.as_str());
    }
    posted
}

async fn post(span: &Span, sending: &Sending, url: &str, body: &Value) -> Result<(), String> {
    let client = &sending.client;
    let request = client.request(Method::POST, url).timeout(sending.timeout);
    let request = request.headers(trace_headers(span));
    let request = client.authorized(request).await.map_err(|error| error.to_string())?;
    let request = match &sending.signer {
        Some(signer) => {
            let body = body.to_string().into_bytes();
            let signed = signer.signed(client, request, url, "application/json", body).await;
            signed.map_err(|error| error.to_string())?
        }
        None => request.json(body),
    };
    let response = request
        .send()
        .await
        .map_err(|error| skopos_http_client::describe(&error))?;
    if response.status().is_success() {
        return Ok(());
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    Err(format!("{status}: {text}"))
}

/// An alert with these labels as Alertmanager's API takes it.
pub(super) fn body(alert: &PostableAlert, labels: &Labels) -> Value {
    let annotations = alert.annotations.iter();
    json!({
        "labels": pairs(labels.iter()),
        "annotations": pairs(annotations.map(|(name, value)| (name.as_str(), value.as_str()))),
        "startsAt": alert.starts_at_ms.map(rfc3339),
        "endsAt": alert.ends_at_ms.map(rfc3339),
        "generatorURL": alert.generator_url,
    })
}
