//! Who sends: one notifier for each configuration, as each has its own templates and secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use skopos_alertmanager::Notification;
use skopos_notify::{Delivery, Notifier, SendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::node::sources::alerting::LoadedAlerting;

/// Most messages that one integration sends at once; one that hangs does not hold up others.
const MAX_AT_ONCE: usize = 64;

/// The notifiers by the receivers that they send for.
#[derive(Debug)]
pub(super) struct Senders {
    /// By the receiver's name in the merged configuration.
    by_receiver: BTreeMap<String, Sender>,
}

#[derive(Debug)]
struct Sender {
    notifier: Arc<Notifier>,
    /// The receiver's name as the notifier knows it.
    name: String,
    /// The turns of each integration.
    turns: Vec<Arc<Semaphore>>,
}

impl Senders {
    /// Reads templates and builds what sends. Nothing is connected to.
    pub(super) fn new(loaded: &LoadedAlerting, external_url: &str) -> anyhow::Result<Self> {
        let mut by_receiver = BTreeMap::new();
        for part in &loaded.parts {
            let notifier = Notifier::new(&part.config, external_url.trim_end_matches('/'))
                .with_context(|| format!("{}: the notifications cannot be made", part.config.path.display()))?;
            let notifier = Arc::new(notifier);
            for receiver in &part.config.receivers {
                let name = format!("{}{}", part.prefix, receiver.name);
                let turns = receiver
                    .integrations
                    .iter()
                    .map(|_| Arc::new(Semaphore::new(MAX_AT_ONCE)));
                let sender = Sender {
                    notifier: Arc::clone(&notifier),
                    name: receiver.name.clone(),
                    turns: turns.collect(),
                };
                by_receiver.insert(name, sender);
            }
        }
        Ok(Self { by_receiver })
    }

    /// Gives when the integration of a notification may send, and holds its turn. When thousands of groups are due at
    /// once, each message is made in its turn, and a receiver does not meet thousands of connections.
    pub(super) async fn turn(&self, notification: &Notification) -> Option<OwnedSemaphorePermit> {
        let sender = self.by_receiver.get(&notification.receiver)?;
        let turns = sender.turns.get(notification.integration)?;
        Arc::clone(turns).acquire_owned().await.ok()
    }

    /// Sends a notification once.
    pub(super) async fn send(&self, notification: &Notification) -> Result<Delivery, SendError> {
        let Some(sender) = self.by_receiver.get(&notification.receiver) else {
            return Err(SendError::other(format!(
                "no receiver is named {:?}",
                notification.receiver
            )));
        };
        let mut own = notification.clone();
        own.receiver.clone_from(&sender.name);
        sender.notifier.notify(&own).await
    }
}
