//! Drives the state machine: carries out its effects and takes up what happened.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skopos_alertmanager::machine::{DeliveryId, FailureReason};
use skopos_alertmanager::{Effect, Notification, Outcome};
use skopos_core::{Clock as _, SystemClock};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Alerting;
use super::history::Try;

/// Longest pause. On the same round incidents are stored and escalate: one that many alerts join is written once.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long deliveries may still take once the end is asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// How often old history is removed.
const FORGET_EVERY: Duration = Duration::from_hours(1);

impl Alerting {
    /// Runs until the end is asked for; deliveries on their way are waited for a moment.
    pub(in crate::node) async fn drive(self: Arc<Self>, shutdown: CancellationToken) {
        let mut deliveries = Deliveries::default();
        let mut forgotten = Instant::now();
        let mut looked = None::<Instant>;
        loop {
            let (effects, next_ms) = self.handle.poll();
            for effect in effects {
                deliveries.carry_out(&self, effect).await;
            }
            if let Err(error) = self.handle.store().await {
                tracing::error!("{error}");
            }
            self.absorb_events().await;
            if looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                looked = Some(Instant::now());
                self.save_incidents().await;
                self.escalate().await;
                self.heartbeats.beat(&self);
                deliveries.forget_done();
            }
            if forgotten.elapsed() >= FORGET_EVERY {
                forgotten = Instant::now();
                self.forget_history().await;
            }
            let wait = next_ms.map_or(LOOK_EVERY, |next_ms| {
                let left_ms = next_ms.saturating_sub(SystemClock.now_ms()).max(0).unsigned_abs();
                Duration::from_millis(left_ms).min(LOOK_EVERY)
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.handle.woken() => {}
                () = shutdown.cancelled() => break,
            }
        }
        deliveries.drain().await;
        self.absorb_events().await;
        self.save_incidents().await;
    }

    /// One attempt of a delivery.
    async fn attempt(self: Arc<Self>, delivery: DeliveryId, notification: Arc<Notification>) {
        let senders = self.senders.load_full();
        let _turn = senders.turn(&notification).await;
        let started = Instant::now();
        let sent = senders.send(&notification).await;
        let duration_ms = started.elapsed().as_millis() as i64;
        let at_ms = SystemClock.now_ms();
        let outcome = match sent {
            Ok(sent) => {
                let tried = Try { at_ms, error: None };
                self.history
                    .tried(delivery, tried, duration_ms, (&sent.payload, &sent.content_type));
                Outcome::Delivered {
                    receiver_data: sent.receiver_data,
                }
            }
            Err(error) => {
                let tried = Try {
                    at_ms,
                    error: Some(error.text.clone()),
                };
                self.history
                    .tried(delivery, tried, duration_ms, (&error.payload, &error.content_type));
                failed(error)
            }
        };
        if let Err(error) = self.handle.complete(delivery, outcome).await {
            tracing::error!("{error}");
        }
    }
}

fn failed(error: skopos_notify::SendError) -> Outcome {
    if error.is_recoverable {
        Outcome::Retry {
            reason: error.reason,
            text: error.text,
            after_ms: error.retry_after.map(|after| after.as_millis() as i64),
        }
    } else {
        Outcome::Failed {
            reason: error.reason,
            text: error.text,
        }
    }
}

/// Deliveries on their way.
#[derive(Default)]
struct Deliveries {
    tasks: JoinSet<()>,
    running: HashMap<DeliveryId, AbortHandle>,
}

impl Deliveries {
    async fn carry_out(&mut self, alerting: &Arc<Alerting>, effect: Effect) {
        match effect {
            Effect::Notify {
                delivery, notification, ..
            } => {
                let task = Arc::clone(alerting).attempt(delivery, notification);
                self.running.insert(delivery, self.tasks.spawn(task));
            }
            Effect::Cancel { delivery } => {
                if let Some(task) = self.running.remove(&delivery) {
                    task.abort();
                }
                let outcome = Outcome::Failed {
                    reason: FailureReason::ContextDeadlineExceeded,
                    text: "the next notification of the group was due before this one was through".to_owned(),
                };
                if let Err(error) = alerting.handle.complete(delivery, outcome).await {
                    tracing::error!("{error}");
                }
            }
        }
    }

    fn forget_done(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|_, task| !task.is_finished());
    }

    async fn drain(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some notifications were not through at the end; they are sent again after the start");
        }
    }
}
