//! Skopos and its host as scrape targets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use skopos_core::ledger::Ledger;
use skopos_host::Host;
use skopos_scrape::{InProcessJob, InProcessTarget, ScrapeManager};
use skopos_server::AlertmanagerHandle;

use crate::telemetry::SELF_NAME;

/// The process's own metrics, as `/metrics` shows them.
#[derive(Debug)]
struct OwnMetrics {
    ledger: Arc<Ledger>,
    alertmanager: Arc<AlertmanagerHandle>,
}

impl InProcessTarget for OwnMetrics {
    fn render(&self) -> String {
        skopos_server::own_metrics(&self.ledger, Some(&self.alertmanager))
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
    ledger: &Arc<Ledger>,
    alertmanager: &Arc<AlertmanagerHandle>,
) -> anyhow::Result<()> {
    if interval.is_zero() {
        return Ok(());
    }
    let own = OwnMetrics {
        ledger: Arc::clone(ledger),
        alertmanager: Arc::clone(alertmanager),
    };
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
