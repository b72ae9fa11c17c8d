//! Who sends: one notifier for each configuration, as each has its own templates and secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use skopos_alertmanager::Notification;
use skopos_notify::{Delivery, Notifier, SendError};

use crate::node::sources::alerting::LoadedAlerting;

/// The notifiers by the receivers that they send for.
#[derive(Debug)]
pub(super) struct Senders {
    /// By the receiver's name in the merged configuration: the notifier, and the name that it knows.
    by_receiver: BTreeMap<String, (Arc<Notifier>, String)>,
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
                by_receiver.insert(name, (Arc::clone(&notifier), receiver.name.clone()));
            }
        }
        Ok(Self { by_receiver })
    }

    /// Sends a notification once.
    pub(super) async fn send(&self, notification: &Notification) -> Result<Delivery, SendError> {
        let Some((notifier, name)) = self.by_receiver.get(&notification.receiver) else {
            return Err(SendError::other(format!(
                "no receiver is named {:?}",
                notification.receiver
            )));
        };
        let mut own = notification.clone();
        own.receiver.clone_from(name);
        notifier.notify(&own).await
    }
}
