//! Other Alertmanagers: every alert of the rules is sent to all that the `alerting` section of
//! `prometheus.yml` names or discovers, in batches, as Prometheus does.
//!
//! ```text
//!   alerts ─▶ alert_relabel_configs ─▶ group (one item of `alertmanagers`) ─▶ peer: queue ─▶ POST
//!                                        ▲ discovery, relabel_configs           │
//!                                                                            metrics
//! ```

mod group;
mod metrics;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use skopos_alertmanager::alert::PostableAlert;

use crate::node::sources::alerting::OutsideSection;
use group::Group;

/// How long alerts that wait may still be sent once the end is asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// The Alertmanagers that alerts are sent to.
#[derive(Debug)]
pub(super) struct Outside {
    groups: ArcSwap<Vec<Arc<Group>>>,
}

/// All of them, ready to be switched to.
#[derive(Debug)]
pub(super) struct Prepared(Vec<Arc<Group>>);

impl Outside {
    /// Begins to look for them; nothing is connected to before there is an alert.
    pub(super) fn new(sections: &[OutsideSection]) -> anyhow::Result<Self> {
        let groups = build(sections, &[])?;
        Ok(Self {
            groups: ArcSwap::from_pointee(groups),
        })
    }

    /// The groups of other sections. Those that stay as they are keep their queues.
    pub(super) fn prepare(&self, sections: &[OutsideSection]) -> anyhow::Result<Prepared> {
        build(sections, &self.groups.load()).map(Prepared)
    }

    /// Switches to others; what still waits for those that go is sent to them first.
    pub(super) fn replace(&self, prepared: Prepared) {
        self.groups.store(Arc::new(prepared.0));
    }

    /// Hands alerts over; what cannot wait is counted.
    pub(super) fn send(&self, alerts: &[PostableAlert]) {
        for group in self.groups.load().iter() {
            group.send(alerts);
        }
    }

    /// Their addresses.
    pub(super) fn urls(&self) -> Vec<String> {
        self.groups.load().iter().flat_map(|group| group.active()).collect()
    }

    /// What `/api/v1/alertmanagers` shows.
    pub(super) fn shown(&self) -> Value {
        let urls = |urls: Vec<String>| urls.into_iter().map(|url| json!({ "url": url })).collect::<Vec<_>>();
        let groups = self.groups.load();
        json!({
            "activeAlertmanagers": urls(self.urls()),
            "droppedAlertmanagers": urls(groups.iter().flat_map(|group| group.dropped()).collect()),
        })
    }

    /// Waits until nothing waits any more, but not for long.
    pub(super) async fn drain(&self) {
        let groups = self.groups.load_full();
        let all = async {
            for group in groups.iter() {
                group.drained().await;
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some alerts were not sent to other Alertmanagers before the end");
        }
        for group in groups.iter() {
            group.count_leftovers();
        }
    }
}

/// One group for each section; a group of the same section is taken over from `before`.
fn build(sections: &[OutsideSection], before: &[Arc<Group>]) -> anyhow::Result<Vec<Arc<Group>>> {
    let mut groups: Vec<Arc<Group>> = Vec::new();
    for section in sections {
        let is_same = |group: &&Arc<Group>| {
            group.section() == section && !groups.iter().any(|taken: &Arc<Group>| Arc::ptr_eq(taken, group))
        };
        let group = match before.iter().find(is_same) {
            Some(group) => Arc::clone(group),
            None => Group::start(section.clone())?,
        };
        groups.push(group);
    }
    Ok(groups)
}

/// A time as RFC 3339 with milliseconds.
pub(super) fn rfc3339(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    format!("{at:.3}")
}
