//! The batch: at each turn the packs of the last dates are built again, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skopos_fleet_frame::Fault;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

use super::build::{BuildError, build, last_dates};
use super::metrics::PackMetrics;
use super::provider::Provider;
use super::store::Store;
use crate::pack::pack_id;

/// Dates that packs are built for: the latest, and the one before it to compare with.
const DATES: usize = 2;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) provider: Provider,
    pub(super) store: Arc<Store>,
    pub(super) metrics: PackMetrics,
    pub(super) stuck: Fault,
    pub(super) every: Duration,
}

impl Job {
    pub(super) async fn run(&self, stop: CancellationToken) {
        let turns = async {
            loop {
                if !self.stuck.is_on() {
                    self.turn().await;
                }
                tokio::time::sleep(self.every).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = turns => {}
        }
    }

    async fn turn(&self) {
        // The older date first, so that the latest pack that is served has its predecessor.
        for date in last_dates(self.provider.file(), DATES).into_iter().rev() {
            let span = tracing::info_span!(
                "pack.build",
                job = "pricing-pack",
                pricing_pack_id = pack_id(date),
                asof_date = date,
                error = field::Empty,
                error.type = field::Empty,
                error.message = field::Empty,
                otel.status_code = field::Empty,
            );
            self.build(date).instrument(span).await;
        }
    }

    async fn build(&self, date: &str) {
        let (pack_id, started) = (pack_id(date), Instant::now());
        let version = self.store.next_version(&pack_id);
        // One that serves already is not warming: it serves until its successor is there.
        if version == 1 && self.metrics.freshness.state(&pack_id).is_none() {
            self.metrics.freshness.warming(&pack_id);
        }
        let running = self.metrics.progress.start(&pack_id);
        let built = build(&self.provider, date, version, &running).await;
        drop(running);
        let seconds = started.elapsed().as_secs_f64();
        self.metrics.durations.observe([pack_id.as_str()], seconds);
        match built {
            Ok(pack) => {
                tracing::info!(
                    pack_id,
                    version,
                    content_hash = pack.content_hash,
                    seconds,
                    "pack built"
                );
                self.store.put(pack);
                self.metrics.freshness.fresh(&pack_id);
            }
            Err(error) => self.failed(&pack_id, &error),
        }
    }

    fn failed(&self, pack_id: &str, error: &BuildError) {
        self.metrics.freshness.error(pack_id);
        let span = Span::current();
        span.record("error", true);
        span.record("error.type", "pack_build_failed");
        span.record("error.message", error.to_string());
        span.record("otel.status_code", "ERROR");
        tracing::error!(
            pack_id,
            error = error as &(dyn std::error::Error + 'static),
            "pack build failed"
        );
    }
}
