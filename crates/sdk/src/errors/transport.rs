//! Envelopes to the DSN's host over the HTTP client that the exporters use: a bounded queue and a task on their runtime.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::RETRY_AFTER;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use sentry::Envelope;
use sentry::types::Dsn;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::SetupError;

/// Envelopes that may wait; further ones are dropped and counted.
const QUEUE: usize = 64;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing is sent after a 429 that does not say how long.
const PAUSE: Duration = Duration::from_mins(1);
/// Between two looks for room in the queue, at the end of a process.
const ROOM_POLL: Duration = Duration::from_millis(10);
const CLIENT_NAME: &str = concat!("skopos-sdk/", env!("CARGO_PKG_VERSION"));

enum Order {
    Send(Vec<u8>),
    Tell(SyncSender<()>),
}

pub(super) struct Transport {
    queue: Sender<Order>,
    full: IntCounter,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn start(dsn: &Dsn, registry: &Registry, runtime: &Runtime) -> Result<Self, SetupError> {
        // reqwest asks for a process-wide provider; one that the service chose stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| SetupError::Client {
                endpoint: dsn.host().to_owned(),
                source,
            })?;
        let dropped = IntCounterVec::new(
            Opts::new(
                "sentry_envelopes_dropped_total",
                "Envelopes of error tracking not delivered, by reason: queue_full, send_failed, rate_limited.",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(dropped.clone()))?;
        let full = dropped.with_label_values(&["queue_full"]);
        let (queue, orders) = mpsc::channel(QUEUE);
        let worker = Worker {
            client,
            url: dsn.envelope_api_url().to_string(),
            auth: dsn.to_auth(Some(CLIENT_NAME)).to_string(),
            failed: dropped.with_label_values(&["send_failed"]),
            limited: dropped.with_label_values(&["rate_limited"]),
        };
        runtime.spawn(worker.run(orders));
        Ok(Self { queue, full })
    }
}

impl sentry::Transport for Transport {
    fn send_envelope(&self, envelope: Envelope) {
        let mut body = Vec::new();
        let sent = envelope
            .to_writer(&mut body)
            .is_ok_and(|()| self.queue.try_send(Order::Send(body)).is_ok());
        if !sent {
            self.full.inc();
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let (done, all_sent) = sync_channel(1);
        while self.queue.try_send(Order::Tell(done.clone())).is_err() {
            if self.queue.is_closed() || Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(ROOM_POLL);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        all_sent.recv_timeout(left).is_ok()
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.flush(timeout)
    }
}

struct Worker {
    client: reqwest::Client,
    url: String,
    auth: String,
    failed: IntCounter,
    limited: IntCounter,
}

impl Worker {
    async fn run(self, mut orders: Receiver<Order>) {
        let mut paused_until = Instant::now();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Send(_) if Instant::now() < paused_until => self.limited.inc(),
                Order::Send(body) => {
                    if let Some(pause) = self.post(body).await {
                        paused_until = Instant::now() + pause;
                    }
                }
                // Who asked may have given up waiting.
                Order::Tell(done) => drop(done.try_send(())),
            }
        }
    }

    /// Sends one envelope; tells how long to pause where the host asks for it.
    async fn post(&self, body: Vec<u8>) -> Option<Duration> {
        let request = self
            .client
            .post(&self.url)
            .header("x-sentry-auth", &self.auth)
            .header(http::header::CONTENT_TYPE, "application/x-sentry-envelope")
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                self.limited.inc();
                let told = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let seconds = told.and_then(|text| text.parse().ok());
                Some(seconds.map_or(PAUSE, Duration::from_secs))
            }
            Ok(answer) if answer.status().is_success() => None,
            _ => {
                self.failed.inc();
                None
            }
        }
    }
}
