//! The loop of one target: waits, fetches, ingests, appends, reports, until it is told to end.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use skopos_core::ledger::{Ledger, LedgerKey, Outcome, Signal};
use skopos_core::metric::{AppendReport, MetricBatch, MetricSink, PackedFloats};
use skopos_core::{Clock, TenantId, WriteError};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLogs;
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::ingest::{
    ExtraMetrics, ExtraReport, IngestRules, Ingested, Ingester, ReportSeries, ReportedScrape, Tracked, report_samples,
    stale_sample,
};
use crate::status::{LastScrape, TargetHealth, TargetState};
use crate::telemetry;
use crate::timing::{Alignment, first_wait};

/// What all loops share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sink: Arc<dyn MetricSink>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tenant: TenantId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) failures: FailureLogs,
    /// Bounds how many bodies are read at once.
    cpu: Semaphore,
    /// Memory that samples are gathered in, as many as bodies are read at once.
    buffers: Mutex<Vec<PackedFloats>>,
}

/// A buffer that grew beyond this is given back.
const KEPT_BUFFER_BYTES: usize = 4 << 20;

impl Shared {
    pub(crate) fn new(sink: Arc<dyn MetricSink>, ledger: Arc<Ledger>, tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            sink,
            ledger,
            tenant,
            clock,
            failures: FailureLogs::default(),
            cpu: Semaphore::new(processors),
            buffers: Mutex::default(),
        }
    }

    /// Ends series now.
    pub(crate) fn end_series(&self, series: Tracked) {
        let stale_ms = self.clock.now_ms();
        let batch = MetricBatch {
            series: series
                .into_iter()
                .map(|labels| stale_sample(labels, stale_ms))
                .collect(),
            metadata: Vec::new(),
        };
        if let Err(reason) = self.append(batch) {
            tracing::error!(%reason, "staleness markers of a changed job are lost");
        }
    }

    fn count(&self, outcome: Outcome, reason: &'static str, count: u64) {
        let key = LedgerKey {
            tenant: self.tenant.clone(),
            signal: Signal::Metrics,
            door: "scrape",
            outcome,
            reason,
        };
        self.ledger.add(key, count);
    }

    /// Appends the zeros that series begin with. One that comes after samples of its series, as after
    /// a restart, is not needed and counts as dropped.
    fn append_zeros(&self, zeros: MetricBatch) -> Result<(), String> {
        if zeros.series.is_empty() {
            return Ok(());
        }
        let count = zeros.series.len() as u64;
        let report = self.sink.append(zeros).map_err(|error| {
            self.count(Outcome::Rejected, "write_failed", count);
            error.to_string()
        })?;
        self.count(Outcome::Stored, "", report.stored);
        self.count(Outcome::Dropped, "start_zero_not_needed", report.refused_count());
        Ok(())
    }

    /// Appends and keeps the books. A refusal of single samples does not fail the scrape.
    fn append(&self, batch: MetricBatch) -> Result<(), String> {
        if batch.series.is_empty() && batch.metadata.is_empty() {
            return Ok(());
        }
        let samples = batch
            .series
            .iter()
            .map(|series| (series.samples.len() + series.exemplars.len()) as u64)
            .sum();
        self.book(samples, self.sink.append(batch))
    }

    /// As [`Shared::append`], of packed floats, whose memory serves again.
    fn append_packed(&self, mut floats: PackedFloats) -> Result<(), String> {
        let booked = if floats.is_empty() {
            Ok(())
        } else {
            self.book(floats.samples() as u64, self.sink.append_packed(&floats))
        };
        floats.clear(KEPT_BUFFER_BYTES);
        self.buffers.lock().push(floats);
        booked
    }

    fn book(&self, samples: u64, appended: Result<AppendReport, WriteError>) -> Result<(), String> {
        match appended {
            Ok(report) => {
                telemetry::SAMPLES.with_label_values(&["stored"]).inc_by(report.stored);
                telemetry::SAMPLES
                    .with_label_values(&["refused"])
                    .inc_by(report.refused_count());
                self.count(Outcome::Stored, "", report.stored);
                for refusal in &report.refused {
                    tracing::debug!(reason = refusal.reason, count = refusal.count, example = %refusal.example, "scraped samples refused");
                    self.count(Outcome::Rejected, refusal.reason, refusal.count);
                }
                Ok(())
            }
            Err(error) => {
                telemetry::SAMPLES.with_label_values(&["refused"]).inc_by(samples);
                self.count(Outcome::Rejected, "write_failed", samples);
                Err(error.to_string())
            }
        }
    }
}

/// How a loop is told to end.
#[derive(Debug, Clone)]
pub(crate) struct EndTokens {
    /// At once, without staleness markers: the process stops, or another loop takes over.
    pub(crate) halt: CancellationToken,
    /// The target is gone: its series get staleness markers.
    pub(crate) retire: CancellationToken,
}

/// One target's loop.
#[derive(Debug)]
pub(crate) struct ScrapeLoop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Arc<TargetState>,
    pub(crate) fetcher: Fetcher,
    pub(crate) rules: Arc<IngestRules>,
    pub(crate) extra_metrics: ExtraMetrics,
    pub(crate) tokens: EndTokens,
}

/// What a loop carries from scrape to scrape and lends to the blocking thread.
#[derive(Debug)]
struct Carried {
    ingester: Ingester,
    report_series: ReportSeries,
}

/// What is passed to the blocking thread.
struct Work {
    fetched: Result<Fetched, FetchError>,
    scrape_ms: i64,
    started: Instant,
}

impl ScrapeLoop {
    /// Runs until told to end. Gives the series that a loop that takes over has to watch.
    pub(crate) async fn run(self, previous: Tracked) -> Tracked {
        let target = &self.state.target;
        let mut carried = Carried {
            ingester: Ingester::new(target.labels.clone(), Arc::clone(&self.rules), previous),
            report_series: ReportSeries::new(&target.labels, self.extra_metrics),
        };
        let wait = first_wait(self.shared.clock.now_ns(), target.interval, target.spread());
        let mut ticks = interval_at(tokio::time::Instant::now() + wait, target.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut alignment = Alignment::new(target.interval);
        loop {
            tokio::select! {
                biased;
                () = self.tokens.halt.cancelled() => return carried.ingester.into_tracked(),
                () = self.tokens.retire.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let scrape_ms = alignment.align(self.shared.clock.now_ms());
            carried = match self.scrape(carried, scrape_ms).await {
                Some(carried) => carried,
                None => return Tracked::new(),
            };
        }
        self.retire(carried, ticks).await
    }

    /// One scrape. `None` if the blocking thread broke down and took what it was lent with it.
    async fn scrape(&self, carried: Carried, scrape_ms: i64) -> Option<Carried> {
        let target = &self.state.target;
        let started = Instant::now();
        let fetched = tokio::select! {
            biased;
            () = self.tokens.halt.cancelled() => return Some(carried),
            fetched = self.fetcher.fetch(&target.url, target.timeout) => fetched,
        };
        let _permit = self.shared.cpu.acquire().await.ok()?;
        let work = Work {
            fetched,
            scrape_ms,
            started,
        };
        let (shared, state) = (Arc::clone(&self.shared), Arc::clone(&self.state));
        let extra = (self.extra_metrics == ExtraMetrics::On).then_some(self.rules.limits.sample_limit);
        let done = tokio::task::spawn_blocking(move || carried.work(&shared, &state, work, extra)).await;
        done.map_err(|error| tracing::error!(url = %target.url, %error, "a scrape broke down"))
            .ok()
    }

    /// Waits so long that a target that only moved has begun anew, then ends the series at the
    /// first missed scrape (`endOfRunStaleness` in Prometheus).
    async fn retire(self, carried: Carried, mut ticks: tokio::time::Interval) -> Tracked {
        let halted = self.tokens.halt.clone();
        let ended = halted.run_until_cancelled(async {
            ticks.tick().await;
            let stale_ms = self.shared.clock.now_ms();
            ticks.tick().await;
            tokio::time::sleep(self.state.target.interval / 10).await;
            stale_ms
        });
        let Some(stale_ms) = ended.await else {
            return carried.ingester.into_tracked();
        };
        let shared = Arc::clone(&self.shared);
        let appended = tokio::task::spawn_blocking(move || shared.append(carried.ended(stale_ms))).await;
        if let Ok(Err(reason)) = appended {
            tracing::error!(url = %self.state.target.url, %reason, "staleness markers of a vanished target are lost");
        }
        Tracked::new()
    }
}

impl Carried {
    /// The part of a scrape that takes processor time; runs on a blocking thread.
    fn work(mut self, shared: &Shared, state: &TargetState, work: Work, extra: Option<u64>) -> Self {
        let mut ingested = Ingested {
            floats: shared.buffers.lock().pop().unwrap_or_default(),
            ..Ingested::default()
        };
        let body_bytes = body_bytes(&work.fetched);
        let mut outcome = self.ingest(work.fetched, work.scrape_ms, &mut ingested, shared);
        if ingested.metadata_changed {
            state.set_metadata(self.ingester.metadata());
        }
        let dropped = ingested.scraped - ingested.after_relabeling;
        if outcome.is_ok() {
            telemetry::SAMPLES
                .with_label_values(&["dropped"])
                .inc_by(dropped + ingested.unconverted);
            shared.count(Outcome::Dropped, "metric_relabel", dropped);
            shared.count(Outcome::Dropped, "invalid_histogram", ingested.unconverted);
        }
        let zeros = std::mem::take(&mut ingested.zeros);
        let batch = std::mem::take(&mut ingested.batch);
        let zeros = shared.append_zeros(zeros);
        let floats = shared.append_packed(std::mem::take(&mut ingested.floats));
        let loose = shared.append(batch);
        if let Err(reason) = zeros.and(floats).and(loose) {
            outcome = Err(reason);
        }
        let duration = work.started.elapsed();
        let reported = ReportedScrape {
            is_up: outcome.is_ok(),
            duration_seconds: duration.as_secs_f64(),
            scraped: ingested.scraped,
            after_relabeling: ingested.after_relabeling,
            series_added: ingested.series_added,
            extra: extra.map(|sample_limit| ExtraReport {
                timeout_seconds: state.target.timeout.as_secs_f64(),
                sample_limit,
                body_bytes,
            }),
        };
        // Noted before it is told, so that who sees `up` finds the state that belongs to it.
        note(shared, state, work.scrape_ms, duration, outcome);
        let batch = MetricBatch {
            series: report_samples(&self.report_series, &reported, work.scrape_ms),
            metadata: Vec::new(),
        };
        if let Err(reason) = shared.append(batch) {
            tracing::error!(url = %state.target.url, %reason, "the report of a scrape is lost");
        }
        self
    }

    /// Fills the batch from the body, or with the staleness markers of a failed scrape.
    fn ingest(
        &mut self,
        fetched: Result<Fetched, FetchError>,
        scrape_ms: i64,
        ingested: &mut Ingested,
        shared: &Shared,
    ) -> Result<(), String> {
        let reason = match fetched {
            Ok(fetched) => {
                telemetry::BODY_BYTES.inc_by(fetched.body.len() as u64);
                match self.ingester.ingest(&fetched.body, fetched.format, scrape_ms, ingested) {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        shared.count(Outcome::Rejected, error.reason(), ingested.scraped);
                        error.to_string()
                    }
                }
            }
            Err(error) => error.to_string(),
        };
        self.ingester.fail(scrape_ms, ingested);
        Err(reason)
    }

    /// Markers for all series of the target.
    fn ended(self, stale_ms: i64) -> MetricBatch {
        let own = self.report_series.all().to_vec();
        let series = self.ingester.into_tracked().into_iter().chain(own);
        MetricBatch {
            series: series.map(|labels| stale_sample(labels, stale_ms)).collect(),
            metadata: Vec::new(),
        }
    }
}

fn body_bytes(fetched: &Result<Fetched, FetchError>) -> i64 {
    match fetched {
        Ok(fetched) => fetched.body.len() as i64,
        Err(FetchError::TooLarge { .. }) => -1,
        Err(_) => 0,
    }
}

fn note(shared: &Shared, state: &TargetState, scrape_ms: i64, duration: Duration, outcome: Result<(), String>) {
    let (health, name) = match outcome {
        Ok(()) => (TargetHealth::Up, "ok"),
        Err(_) => (TargetHealth::Down, "failed"),
    };
    telemetry::SCRAPES.with_label_values(&[name]).inc();
    if let Err(reason) = &outcome {
        tracing::debug!(url = %state.target.url, %reason, "scrape failed");
        shared
            .failures
            .write(&state.scrape_pool, &state.target.url, scrape_ms, reason);
    }
    state.set_last(LastScrape {
        health,
        error: outcome.err().unwrap_or_default(),
        at_ms: Some(scrape_ms),
        duration,
    });
}
