//! Skopos and its host as scrape targets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use skopos_core::ledger::Ledger;
use skopos_host::Host;
use skopos_scrape::{InProcessJob, InProcessTarget, ScrapeManager};
use skopos_server::{AlertmanagerHandle, DeadLettersView};

use crate::telemetry::SELF_NAME;

/// The process's own metrics, as `/metrics` shows them.
#[derive(Debug)]
pub(super) struct OwnMetrics {
    pub(super) ledger: Arc<Ledger>,
    pub(super) alertmanager: Arc<AlertmanagerHandle>,
    pub(super) dead_letters: Option<Arc<dyn DeadLettersView>>,
}

impl InProcessTarget for OwnMetrics {
    fn render(&self) -> String {
        skopos_server::own_metrics(&self.ledger, Some(&self.alertmanager), self.dead_letters.as_deref())
    }
}

/// The machine's metrics.
#[derive(Debug)]
struct HostMetrics;

impl InProcessTarget for HostMetrics {
    fn render(&self) -> String {
        Host.render()
    }
}

/// Makes the process and its host targets of the scraper, unless the interval is zero.
pub(super) fn add_self(
    scraper: &ScrapeManager,
    interval: Duration,
    http: SocketAddr,
    own: OwnMetrics,
) -> anyhow::Result<()> {
    if interval.is_zero() {
        return Ok(());
    }
    let targets: [(&str, Arc<dyn InProcessTarget>); 2] = [(SELF_NAME, Arc::new(own)), ("host", Arc::new(HostMetrics))];
    for (job, target) in targets {
        scraper.add_in_process(InProcessJob {
            job: job.to_owned(),
            instance: format!("localhost:{}", http.port()),
            labels: BTreeMap::new(),
            interval,
            target,
        })?;
    }
    Ok(())
}
