//! Which exemplars are kept: those that a target only shows again are not, restarts included.

use skopos_core::metric::{
    Exemplar, MetricBatch, MetricSample, MetricSink as _, MetricSource as _, MetricValue, SeriesBatch,
};
use skopos_core::{Labels, TenantId, TimeRange};

use super::{labels, open};
use crate::{MetricStore, MetricStoreOptions, StoreLimits};

fn exemplar(trace: &str, timestamp_ms: i64) -> Exemplar {
    Exemplar {
        labels: Labels::from_pairs([("trace_id", trace)]),
        timestamp_ms,
        value: 0.5,
    }
}

fn scrape(store: &MetricStore, at_ms: i64, exemplars: Vec<Exemplar>) -> u64 {
    let batch = MetricBatch {
        series: vec![SeriesBatch {
            labels: labels("a"),
            samples: vec![MetricSample {
                timestamp_ms: at_ms,
                value: MetricValue::Float(1.0),
            }],
            exemplars,
            ..SeriesBatch::default()
        }],
        metadata: Vec::new(),
    };
    store
        .tenant(&TenantId::default())
        .append(batch)
        .expect("appends")
        .stored
}

fn kept(store: &MetricStore) -> Vec<(String, i64)> {
    let found = store
        .tenant(&TenantId::default())
        .exemplars(&[], TimeRange::ALL)
        .expect("reads");
    found
        .into_iter()
        .flat_map(|(_, exemplars)| exemplars)
        .map(|exemplar| {
            let trace = exemplar.labels.get("trace_id").to_owned();
            (trace, exemplar.timestamp_ms)
        })
        .collect()
}

#[test]
fn an_exemplar_that_is_shown_again_is_kept_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    assert_eq!(scrape(&store, 1000, vec![exemplar("x", 500)]), 2);
    assert_eq!(scrape(&store, 2000, vec![exemplar("x", 500)]), 2);
    drop(store);
    store = open(folder.path());
    scrape(&store, 3000, vec![exemplar("x", 500), exemplar("x", 500)]);
    scrape(&store, 4000, vec![exemplar("x", 3500)]);
    scrape(&store, 5000, vec![exemplar("y", 4500)]);
    let expected = [("x", 500), ("x", 3500), ("y", 4500)];
    assert_eq!(kept(&store), expected.map(|(trace, at)| (trace.to_owned(), at)));
}

#[test]
fn one_without_a_time_of_its_own_keeps_the_time_of_its_first_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for at_ms in [1000, 2000, 3000] {
        scrape(&store, at_ms, vec![exemplar("x", at_ms)]);
    }
    scrape(&store, 4000, vec![exemplar("y", 4000)]);
    assert_eq!(kept(&store), [("x".to_owned(), 1000), ("y".to_owned(), 4000)]);
}

#[test]
fn the_oldest_go_beyond_the_most_that_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |max_exemplars| StoreLimits {
        max_exemplars,
        ..StoreLimits::default()
    };
    let open = |max_exemplars| {
        let mut options = MetricStoreOptions::new(folder.path());
        options.limits = of(max_exemplars);
        MetricStore::open(options).expect("opens")
    };
    let store = open(2);
    scrape(&store, 1000, vec![exemplar("x", 500)]);
    scrape(&store, 2000, vec![exemplar("y", 1500)]);
    scrape(&store, 3000, vec![exemplar("z", 2500)]);
    let newest = [("y", 1500), ("z", 2500)].map(|(trace, at)| (trace.to_owned(), at));
    assert_eq!(kept(&store), newest);
    drop(store);
    let store = open(3);
    assert_eq!(kept(&store).len(), 3, "the log has what memory had not");
    store.set_limits(of(1));
    assert_eq!(kept(&store), newest[1..]);
    store.set_limits(of(0));
    scrape(&store, 4000, vec![exemplar("w", 3500)]);
    assert_eq!(kept(&store), []);
}
