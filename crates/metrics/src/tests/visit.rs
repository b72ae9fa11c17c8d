//! Series that are lent one by one are those that are read at once, whatever happens meanwhile.

use std::ops::ControlFlow;

use skopos_core::metric::{
    MetricBatch, MetricSample, MetricSink as _, MetricSource as _, MetricValue, ResolutionLimit, Selection,
    SeriesBatch, Wanted,
};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, TimeRange};

use super::{HOUR_MS, append, open};
use crate::MetricStore;

/// Samples by labels, as they were lent.
pub(super) type Lent = Vec<(Labels, Vec<(i64, f64)>)>;

/// Lends all series; `during` is called with the number of each.
pub(super) fn lent(store: &MetricStore, range: TimeRange, wanted: Wanted, mut during: impl FnMut(usize)) -> Lent {
    let matchers = [Matcher::equal("__name__", "up")];
    let selection = Selection {
        matchers: &matchers,
        range,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let budget = QueryBudget::unbounded();
    let mut all = Lent::new();
    let tenant = store.tenant(&TenantId::default());
    let mut visit = |view: &skopos_core::metric::SeriesView<'_>| {
        during(all.len());
        let samples = view.timestamps_ms.iter().copied().zip(view.values.iter().copied());
        all.push((view.labels.clone(), samples.collect()));
        ControlFlow::Continue(())
    };
    tenant.visit(&selection, wanted, &budget, &mut visit).expect("reads");
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "sorted, each series once");
    budget.charge(0, "test").expect("within its bound");
    assert!(
        budget
            .check_room(QueryBudget::DEFAULT_MAX_SAMPLES as usize, "test")
            .is_ok(),
        "all is given back"
    );
    all
}

/// Appends a sample to each of many series, whose order is not that of their labels.
pub(super) fn append_many(store: &MetricStore, jobs: std::ops::Range<u32>, timestamp_ms: i64) {
    let series = jobs.map(|job| SeriesBatch {
        labels: Labels::from_pairs([
            ("__name__", "up".to_owned()),
            ("job", format!("{:04}", job * 7919 % 10_000)),
        ]),
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(f64::from(job)),
        }],
        ..SeriesBatch::default()
    });
    let batch = MetricBatch {
        series: series.collect(),
        metadata: Vec::new(),
    };
    store.tenant(&TenantId::default()).append(batch).expect("appends");
}

#[test]
fn a_head_that_moves_to_parts_meanwhile_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append_many(&store, 0..3_000, HOUR_MS);
    let before = lent(&store, TimeRange::ALL, Wanted::All, |_| {});
    assert_eq!(before.len(), 3_000);
    let during = lent(&store, TimeRange::ALL, Wanted::All, |at| {
        if at == 1_500 {
            store.maintain(10 * HOUR_MS).expect("maintains");
            assert_eq!(store.stats().series, 0, "the head has forgotten what lies in parts");
        }
    });
    assert_eq!(during, before);
    assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}), before);
}

#[test]
fn series_that_come_later_stand_in_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for (from, to) in [(0, 2_000), (2_000, 2_010), (2_010, 4_000), (4_000, 4_001)] {
        append_many(&store, from..to, HOUR_MS + i64::from(to));
        assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}).len(), to as usize);
    }
    store.maintain(10 * HOUR_MS).expect("maintains");
    // Numbers of series that are gone are given to others.
    append_many(&store, 3_500..5_000, 12 * HOUR_MS);
    assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}).len(), 5_000);
    let recent = TimeRange::new(11 * HOUR_MS, 13 * HOUR_MS);
    assert_eq!(lent(&store, recent, Wanted::All, |_| {}).len(), 1_500);
}

#[test]
fn the_newest_sample_is_the_newest_before_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let samples: Vec<(i64, f64)> = (0..500).map(|at| (at * 15_000, at as f64)).collect();
    append(&store, "a", &samples);
    let newest = |end_ms: i64| {
        let range = TimeRange::new(end_ms - 60_000, end_ms);
        let all = lent(&store, range, Wanted::Newest, |_| {});
        all.first().and_then(|(_, samples)| samples.last().copied())
    };
    for at in [0, 1, 119, 120, 121, 360, 499] {
        assert_eq!(newest(at * 15_000 + 1), Some((at * 15_000, at as f64)), "{at}");
    }
    assert_eq!(newest(499 * 15_000 + 59_999), Some((499 * 15_000, 499.0)));
    assert_eq!(newest(499 * 15_000 + 60_001), None);
}
