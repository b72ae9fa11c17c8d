//! Series that live for minutes, wave after wave: what is kept for them goes with them, and those
//! that stay cost at the end what they cost at the start. Counted, not timed.

use std::ops::ControlFlow;
use std::time::Duration;

use skopos_core::metric::{
    MetricBatch, MetricMetadata, MetricSample, MetricSink as _, MetricSource as _, MetricType, MetricValue,
    ResolutionLimit, Selection, SeriesBatch,
};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, TimeRange};
use skopos_storage::Offset;

use crate::{LogFollower, MetricStore, MetricStoreOptions};

const WAVES: i64 = 50;
const SERIES_OF_A_WAVE: i64 = 2000;
const LIVE: i64 = 100;
const MINUTE_MS: i64 = 60_000;
const WAVE_MS: i64 = 5 * MINUTE_MS;
/// Waves whose series are in the head at a time: what is flushed after ten minutes and kept for ten.
const CONCURRENT_WAVES: i64 = 6;

fn batch(series: impl Iterator<Item = Labels>, timestamp_ms: i64) -> MetricBatch {
    let one = |labels| SeriesBatch {
        labels,
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(timestamp_ms as f64),
        }],
        ..SeriesBatch::default()
    };
    MetricBatch {
        series: series.map(one).collect(),
        ..MetricBatch::default()
    }
}

fn live(timestamp_ms: i64) -> MetricBatch {
    let labels = |number: i64| Labels::from_pairs([("__name__", "live"), ("number", &number.to_string())]);
    batch((0..LIVE).map(labels), timestamp_ms)
}

/// Series whose name, pod and image are of their wave alone; with metadata of that name.
fn short(wave: i64, timestamp_ms: i64) -> MetricBatch {
    let name = format!("work_{wave}_total");
    let labels = |number: i64| {
        let (pod, image) = (format!("pod-{wave}-{number}"), format!("v{wave}"));
        Labels::from_pairs([("__name__", &*name), ("job", "short"), ("pod", &pod), ("image", &image)])
    };
    let mut batch = batch((0..SERIES_OF_A_WAVE).map(labels), timestamp_ms);
    batch.metadata.push(MetricMetadata {
        metric: format!("work_{wave}"),
        metric_type: MetricType::Counter,
        help: "h".into(),
        unit: String::new(),
    });
    batch
}

/// What a store holds and does, in numbers.
#[derive(Debug, Clone, Copy)]
struct Costs {
    series: u64,
    head_bytes: u64,
    wal_bytes: u64,
    /// Pairs of label name and value.
    pairs: usize,
    /// References in postings.
    postings: usize,
    /// Series that there is memory for.
    capacity: usize,
    epochs: usize,
    /// Metrics that are counted.
    counted: usize,
    /// Bytes of the log of one append of the live series.
    append_bytes: u64,
    /// Of a query for the live series of the last ten minutes.
    query_series: u64,
    query_samples: u64,
}

struct Churn {
    store: MetricStore,
    follower: LogFollower,
    highest_number: u32,
    followed: usize,
}

impl Churn {
    fn new(store: MetricStore) -> Self {
        store.hold_log("follower", Offset::ZERO).expect("holds");
        let follower = store.follow(Offset::ZERO);
        Self {
            store,
            follower,
            highest_number: 0,
            followed: 0,
        }
    }

    fn append(&self, batch: MetricBatch) {
        let report = self.store.tenant(&TenantId::default()).append(batch).expect("appends");
        assert_eq!(report.refused_count(), 0);
    }

    fn follow(&mut self) {
        let (highest, followed) = (&mut self.highest_number, &mut self.followed);
        let mut take = |record: crate::LogRecord| {
            *followed += record.floats.len();
            let numbers = record.floats.iter().map(|sample| sample.0);
            *highest = numbers.max().unwrap_or_default().max(*highest);
            ControlFlow::Continue(())
        };
        while self.follower.read(&mut take).expect("reads") {}
        let next = self.follower.next_offset();
        self.store.hold_log("follower", next).expect("holds");
    }

    /// Five minutes: the live series throughout, those of a wave for three.
    fn pass(&mut self, wave: i64, has_short: bool) {
        for minute in 0..5 {
            let now_ms = wave * WAVE_MS + minute * MINUTE_MS;
            self.append(live(now_ms));
            if has_short && minute < 3 {
                self.append(short(wave, now_ms));
            }
        }
        self.follow();
        self.store.maintain((wave + 1) * WAVE_MS).expect("maintains");
    }

    fn costs(&self, wave: i64) -> Costs {
        let end_ms = (wave + 1) * WAVE_MS;
        // The first append of an epoch defines series; the second is like any other.
        self.append(live(end_ms - 2000));
        let before = self.store.stats().wal_bytes;
        self.append(live(end_ms - 1000));
        let append_bytes = self.store.stats().wal_bytes - before;
        let tenant = self.store.tenant(&TenantId::default());
        let matchers = [Matcher::equal("__name__", "live")];
        let selection = Selection {
            matchers: &matchers,
            range: TimeRange::new(end_ms - 2 * WAVE_MS, end_ms - MINUTE_MS),
            step_ms: 0,
            resolution: ResolutionLimit::KEPT,
        };
        let found = tenant.select(&selection, &QueryBudget::unbounded()).expect("reads");
        let head = self.store.shared.head(&TenantId::default());
        let head = head.read();
        let stats = self.store.stats();
        Costs {
            series: stats.series,
            head_bytes: stats.head_bytes,
            wal_bytes: stats.wal_bytes,
            pairs: head.index().pairs().count(),
            postings: head.index().pairs().map(|(_, _, count)| count).sum(),
            capacity: head.capacity(),
            epochs: self.store.shared.epochs.len(),
            counted: head.growth().created_by_metric.len(),
            append_bytes,
            query_series: found.len() as u64,
            query_samples: found.iter().map(|series| series.len() as u64).sum(),
        }
    }
}

/// Asserts that of the things counted nothing is more than a tenth above what it was.
fn assert_no_more(after: Costs, before: Costs) {
    let counts = |costs: Costs| {
        [
            costs.series,
            costs.head_bytes,
            costs.wal_bytes,
            costs.pairs as u64,
            costs.postings as u64,
            costs.capacity as u64,
            costs.epochs as u64,
            costs.counted as u64,
        ]
    };
    for (after_one, before_one) in counts(after).into_iter().zip(counts(before)) {
        assert!(after_one <= before_one + before_one / 10, "{after:?} after {before:?}");
    }
    let work = |costs: Costs| (costs.append_bytes, costs.query_series, costs.query_samples);
    assert_eq!(work(after), work(before));
}

#[test]
fn short_lived_series_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = MetricStore::open(MetricStoreOptions {
        flush_after: Duration::from_mins(10),
        head_window: Duration::from_mins(10),
        ..MetricStoreOptions::new(folder.path())
    });
    let mut churn = Churn::new(store.expect("opens"));
    (0..4).for_each(|wave| churn.pass(wave, false));
    let quiet = churn.costs(3);
    (4..16).for_each(|wave| churn.pass(wave, true));
    let early = churn.costs(15);
    (16..4 + WAVES).for_each(|wave| churn.pass(wave, true));
    let late = churn.costs(3 + WAVES);
    assert!(early.series > LIVE as u64, "the waves reach the head");
    assert_no_more(late, early);
    let in_head = LIVE + CONCURRENT_WAVES * SERIES_OF_A_WAVE;
    assert!(i64::from(churn.highest_number) < in_head, "numbers are given again");
    (4 + WAVES..10 + WAVES).for_each(|wave| churn.pass(wave, false));
    let after = churn.costs(9 + WAVES);
    assert_eq!((after.series, after.pairs), (quiet.series, quiet.pairs));
    assert!(after.capacity < 16 * LIVE as usize, "{after:?}");
    assert_eq!(
        (after.append_bytes, after.query_series),
        (quiet.append_bytes, quiet.query_series)
    );
    churn.follow();
    let expected = WAVES * SERIES_OF_A_WAVE * 3 + LIVE * 5 * (10 + WAVES) + 4 * 2 * LIVE;
    assert_eq!(churn.followed as i64, expected, "a follower saw every sample once");
    assert_eq!(churn.follower.lost_records(), 0);
}
