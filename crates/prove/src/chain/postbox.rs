//! An Alertmanager on a virtual clock whose notifications go to the sandbox.

use std::sync::Arc;

use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::{Alertmanager, Effect, Options, Outcome};
use skopos_alertmanager::{Config, Notification};

use super::Sandbox;
use crate::report::{FiredAlert, Message};

/// Alerts that say no end are taken for ended only long after the proof.
const LONG_MS: i64 = 7 * 24 * 3_600_000;

/// A notification that was made.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at_ms: i64,
    pub(super) notification: Arc<Notification>,
    /// What the sandbox made of it, or why it could not.
    pub(super) message: Result<Message, String>,
}

impl Told {
    /// The receiver and the position of its integration.
    pub(super) fn address(&self) -> (&str, usize) {
        (&self.notification.receiver, self.notification.integration)
    }

    /// Whether it tells that everything has ended.
    pub(super) fn is_of_end(&self) -> bool {
        self.notification.alerts.iter().all(|alert| alert.ends_at_ms.is_some())
    }
}

/// An Alertmanager with nothing in it but the alerts of one rule.
#[derive(Debug)]
pub(super) struct Postbox<'a> {
    machine: Alertmanager,
    sandbox: &'a dyn Sandbox,
    began_ms: i64,
}

impl<'a> Postbox<'a> {
    pub(super) fn new(config: &Config, sandbox: &'a dyn Sandbox, began_ms: i64) -> Self {
        Self {
            machine: Alertmanager::new(config, Options::default(), began_ms),
            sandbox,
            began_ms,
        }
    }

    /// Posts the alerts as firing, or as ended now; says why they are refused.
    pub(super) fn post(&mut self, now_ms: i64, alerts: &[FiredAlert], is_over: bool) -> Result<(), String> {
        let posted = alerts.iter().map(|alert| PostableAlert {
            labels: alert.labels.clone().into_iter().collect(),
            annotations: alert.annotations.clone().into_iter().collect(),
            starts_at_ms: Some(self.began_ms),
            ends_at_ms: Some(if is_over { now_ms } else { now_ms + LONG_MS }),
            generator_url: String::new(),
        });
        let outcome = self.machine.post_alerts(now_ms, posted.collect());
        outcome.error_text().map_or(Ok(()), Err)
    }

    /// Lets time go on; gives what was told meanwhile.
    pub(super) fn run(&mut self, from_ms: i64, until_ms: i64) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(due_ms) = self.machine.next_wakeup_ms().filter(|due_ms| *due_ms <= until_ms) {
            let now_ms = due_ms.max(from_ms);
            for effect in self.machine.poll(now_ms) {
                let Effect::Notify {
                    delivery, notification, ..
                } = effect
                else {
                    continue;
                };
                told.push(Told {
                    at_ms: now_ms,
                    message: self.sandbox.receive(&notification),
                    notification,
                });
                let receiver_data = Vec::new();
                self.machine
                    .complete(now_ms, delivery, Outcome::Delivered { receiver_data });
            }
        }
        told
    }
}
