//! What services report to analytics-service: events through a bounded queue, sent in batches beside the requests.

use std::time::Duration;

use prometheus::{IntCounterVec, Opts, Registry};
use serde::{Deserialize, Serialize};
use skopos_sdk::log::{self, chain};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;

/// Events that may wait; more are dropped and counted.
const QUEUE: usize = 1024;
/// Events of one request.
const BATCH: usize = 128;
/// Pause in which events gather.
const PAUSE: Duration = Duration::from_secs(1);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// What: `workflow`, `capsule`.
    pub(crate) kind: String,
    pub(crate) tenant: String,
    /// To which workflow or capsule.
    pub(crate) subject: String,
    pub(crate) outcome: String,
    pub(crate) duration_ms: f64,
    /// When, in milliseconds since the epoch.
    pub(crate) at_ms: i64,
}

/// A request with events.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
}

/// How many of them were recorded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) recorded: usize,
}

/// The near end of the queue.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    queue: mpsc::Sender<Event>,
    events: IntCounterVec,
}

/// The far end, to be run beside the service.
#[derive(Debug)]
pub(crate) struct Courier {
    queue: mpsc::Receiver<Event>,
    analytics: Peer,
    events: IntCounterVec,
}

/// A queue of events to analytics-service.
pub(crate) fn queue(analytics: Peer, registry: &Registry) -> prometheus::Result<(Reporter, Courier)> {
    let opts = Opts::new(
        "analytics_events_reported_total",
        "Events for analytics-service: sent, failed (refused or unreachable), dropped (queue full).",
    );
    let events = IntCounterVec::new(opts, &["result"])?;
    for result in ["sent", "failed", "dropped"] {
        events.with_label_values(&[result]);
    }
    registry.register(Box::new(events.clone()))?;
    let (near, far) = mpsc::channel(QUEUE);
    let reporter = Reporter {
        queue: near,
        events: events.clone(),
    };
    let courier = Courier {
        queue: far,
        analytics,
        events,
    };
    Ok((reporter, courier))
}

impl Reporter {
    /// Never waits: the work that is reported matters more than the report.
    pub(crate) fn report(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.events.with_label_values(&["dropped"]).inc();
        }
    }
}

impl Courier {
    /// Sends what gathers until told to stop, then what is left.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(PAUSE) => {}
            }
            self.send().await;
        }
        self.send().await;
    }

    async fn send(&mut self) {
        let mut events = Vec::new();
        while events.len() < BATCH
            && let Ok(event) = self.queue.try_recv()
        {
            events.push(event);
        }
        if events.is_empty() {
            return;
        }
        let count = events.len() as u64;
        let sent = self.analytics.post::<Recorded>("/v1/events", &Batch { events }).await;
        let result = match sent {
            Ok(_) => "sent",
            Err(error) => {
                log::warn!(
                    count,
                    error = chain(&error),
                    "events are lost: analytics-service did not record them"
                );
                "failed"
            }
        };
        self.events.with_label_values(&[result]).inc_by(count);
    }
}
