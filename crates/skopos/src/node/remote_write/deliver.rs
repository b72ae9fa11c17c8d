//! One request of samples, made until it is taken or refused for good.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use skopos_core::ledger::{LedgerKey, Outcome, Signal};
use skopos_core::{Clock as _, SystemClock, TenantId};
use skopos_remote_write::{Backoff, Item, ItemKind, Refusal, Sent, SkipReason, Verdict, is_too_old, samples_body};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::client::Posted;
use super::queue::Queue;

/// The door under which the ledger counts what leaves.
const DOOR: &str = "remote_write_out";
/// Time between two lines that tell of samples that were refused for good.
const TELL_EVERY_MS: i64 = 10_000;

impl Queue {
    /// Sends the items of a shard. When it returns they are dealt with.
    pub(super) async fn deliver(&self, shard: usize, items: Vec<Item>) {
        let Some(end) = items.last().map(|item| item.place.after()) else {
            return;
        };
        self.position.sending(shard, end);
        self.deliver_items(items).await;
        self.position.done(shard, end);
    }

    async fn deliver_items(&self, items: Vec<Item>) {
        let limits = &self.remote().config.queue_config;
        let mut backoff = Backoff::new(limits.min_backoff, limits.max_backoff);
        let mut items = Arc::new(items);
        let mut body: Option<Vec<u8>> = None;
        for attempt in 0_i64.. {
            if let Some(young) = self.without_old(&items) {
                items = Arc::new(young);
                body = None;
            }
            if items.is_empty() {
                return;
            }
            let bytes = match body.take() {
                Some(bytes) => bytes,
                None => match self.encode(&items).await {
                    Ok(bytes) => bytes,
                    Err(text) => return self.note_refused(&items, Refusal::TooLarge, Sent::default(), &text),
                },
            };
            let carried = carried(&items);
            let started = Instant::now();
            let posted = self.post_traced(bytes.clone(), carried, attempt).await;
            self.note_request(started.elapsed());
            match posted.verdict {
                Verdict::Taken(written) => return self.note_taken(&items, carried, written, bytes.len() as u64),
                Verdict::Refused(refusal, written) => return self.note_refused(&items, refusal, written, &posted.text),
                Verdict::Again { after } => {
                    self.note_retry(&items, &posted.text);
                    body = Some(bytes);
                    tokio::time::sleep(backoff.pause(after)).await;
                }
            }
        }
    }

    /// Makes a request within a span, which has the name and attributes that Prometheus gives it.
    async fn post_traced(&self, body: Vec<u8>, carried: Sent, attempt: i64) -> Posted {
        let remote = self.remote();
        let span = tracing::debug_span!(
            "Remote Send Batch",
            "try" = attempt,
            request_size = body.len() as i64,
            samples = carried.samples as i64,
            exemplars = carried.exemplars as i64,
            histograms = carried.histograms as i64,
            remote_name = remote.name,
            remote_url = remote.url,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        let post = remote.client.post(remote.message, body, carried);
        let posted = post.instrument(span.clone()).await;
        if !matches!(posted.verdict, Verdict::Taken(_)) {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", posted.text.as_str());
        }
        posted
    }

    /// The items without those that became too old; `None` where all stay.
    fn without_old(&self, items: &[Item]) -> Option<Vec<Item>> {
        let limit = self.remote().rules.age_limit;
        let now_ms = SystemClock.now_ms();
        let is_old = |item: &&Item| is_too_old(item.timestamp_ms, limit, now_ms);
        if !items.iter().any(|item| is_old(&item)) {
            return None;
        }
        for item in items.iter().filter(is_old) {
            self.note_dropped(item.kind, SkipReason::TooOld, 1);
        }
        Some(items.iter().filter(|item| !is_old(item)).cloned().collect())
    }

    async fn encode(&self, items: &Arc<Vec<Item>>) -> Result<Vec<u8>, String> {
        let message = self.remote().message;
        let items = Arc::clone(items);
        let encoded = tokio::task::spawn_blocking(move || samples_body(message, &items)).await;
        encoded
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    fn note_request(&self, took: Duration) {
        self.metrics.request(took.as_secs_f64());
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counts.sending_us.fetch_add(took_us, Ordering::Relaxed);
    }

    fn note_taken(&self, items: &[Item], carried: Sent, written: Sent, bytes: u64) {
        for (kind, carried, written) in by_kind(carried, written) {
            self.metrics.sent(kind, carried);
            self.metrics.failed(kind, carried - written);
        }
        let missing = carried.total() - written.total();
        if missing > 0 {
            self.metrics.refused("partly_written", missing);
            self.tell_refused(missing, "the receiver says that it did not write all of a request");
        }
        self.metrics.taken(bytes);
        self.note_newest(items);
        self.counts.sent.fetch_add(carried.total(), Ordering::Relaxed);
        self.counts.failed.fetch_add(missing, Ordering::Relaxed);
        self.counts
            .last_success_ms
            .store(SystemClock.now_ms(), Ordering::Relaxed);
        self.note_in_ledger(Outcome::Stored, "", written.total());
        self.note_in_ledger(Outcome::Rejected, "partly_written", missing);
        self.note_recovered();
    }

    fn note_refused(&self, items: &[Item], refusal: Refusal, written: Sent, text: &str) {
        let carried = carried(items);
        let refused = carried.total() - written.total();
        for (kind, carried, written) in by_kind(carried, written) {
            self.metrics.sent(kind, carried);
            self.metrics.failed(kind, carried - written);
        }
        self.metrics.refused(refusal.as_str(), refused);
        // The receiver is there: what waits behind is worth as many shards.
        self.counts.sent.fetch_add(carried.total(), Ordering::Relaxed);
        self.counts.failed.fetch_add(refused, Ordering::Relaxed);
        self.note_in_ledger(Outcome::Stored, "", written.total());
        self.note_in_ledger(Outcome::Rejected, refusal.as_str(), refused);
        self.tell_refused(refused, text);
        self.note_newest(items);
        self.note_recovered();
    }

    /// What was refused for good is behind the queue as what was taken is.
    fn note_newest(&self, items: &[Item]) {
        let newest_ms = items.iter().map(|item| item.timestamp_ms).max().unwrap_or(0);
        let before_ms = self.counts.newest_sent_ms.fetch_max(newest_ms, Ordering::Relaxed);
        self.metrics.newest_sent(newest_ms.max(before_ms));
    }

    fn note_retry(&self, items: &[Item], text: &str) {
        for (kind, carried, _) in by_kind(carried(items), Sent::default()) {
            self.metrics.retried(kind, carried);
        }
        *self.counts.last_error.lock() = Some((SystemClock.now_ms(), text.to_owned()));
        if !self.counts.is_failing.swap(true, Ordering::Relaxed) {
            let remote = self.remote();
            tracing::warn!(
                remote = remote.name,
                "{} does not take samples; they wait in the write-ahead log and further failures are only counted: {text}",
                remote.url
            );
        }
    }

    fn note_recovered(&self) {
        if self.counts.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!(remote = self.remote().name, "{} answers again", self.remote().url);
        }
    }

    /// Tells of samples that are lost to the receiver, but not of each request.
    fn tell_refused(&self, count: u64, text: &str) {
        let now_ms = SystemClock.now_ms();
        let mut last = self.counts.last_error.lock();
        let mut told_ms = self.told_ms.lock();
        if now_ms.saturating_sub(*told_ms) >= TELL_EVERY_MS {
            *told_ms = now_ms;
            let remote = self.remote();
            tracing::error!(
                remote = remote.name,
                "{} refused {count} samples for good; they are counted by reason in skopos_remote_write_refused_total: {text}",
                remote.url
            );
        }
        *last = Some((now_ms, text.to_owned()));
    }

    /// Counts items that are not sent.
    pub(super) fn note_dropped(&self, kind: ItemKind, reason: SkipReason, count: u64) {
        self.metrics.dropped(kind, reason, count);
        self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        self.note_in_ledger(Outcome::Dropped, reason.as_str(), count);
    }

    fn note_in_ledger(&self, outcome: Outcome, reason: &'static str, count: u64) {
        let key = LedgerKey {
            tenant: TenantId::default(),
            signal: Signal::Metrics,
            door: DOOR,
            outcome,
            reason,
        };
        self.common.ledger.add(key, count);
    }
}

fn carried(items: &[Item]) -> Sent {
    let mut carried = Sent::default();
    for item in items {
        match item.kind {
            ItemKind::Float => carried.samples += 1,
            ItemKind::Histogram => carried.histograms += 1,
            ItemKind::Exemplar => carried.exemplars += 1,
        }
    }
    carried
}

fn by_kind(a: Sent, b: Sent) -> [(ItemKind, u64, u64); 3] {
    [
        (ItemKind::Float, a.samples, b.samples),
        (ItemKind::Histogram, a.histograms, b.histograms),
        (ItemKind::Exemplar, a.exemplars, b.exemplars),
    ]
}
