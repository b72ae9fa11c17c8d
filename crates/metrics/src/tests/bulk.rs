//! The bulk door: what is committed is read, also where the head would refuse it; what is not
//! committed leaves nothing.

use std::sync::Arc;

use proptest::prelude::*;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{
    Exemplar, MetricAdmin as _, MetricMetadata, MetricSource as _, MetricType, ResolutionLimit, Selection, Series,
    StartTimestamps,
};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, TimeRange};

use super::{HOUR_MS, append, labels, open, read};
use crate::{BulkSeries, MetricStore};

fn bulk_series(job: &str, samples: &[(i64, f64)]) -> BulkSeries {
    BulkSeries {
        series: Series {
            labels: labels(job),
            timestamps_ms: samples.iter().map(|sample| sample.0).collect(),
            values: samples.iter().map(|sample| sample.1).collect(),
            ..Series::default()
        },
        ..BulkSeries::default()
    }
}

fn load(store: &MetricStore, all: Vec<BulkSeries>, name: &str) -> crate::BulkReport {
    let mut load = store.bulk(&TenantId::default(), Vec::new());
    for series in all {
        load.add(series).expect("adds");
    }
    load.commit(vec![name.to_owned()]).expect("commits")
}

#[test]
fn older_samples_than_the_head_has_are_taken_and_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    append(&store, "a", &[(50 * HOUR_MS, 5.0)]);
    let report = load(
        &store,
        vec![bulk_series("a", &[(2000, 2.0), (1000, 1.0), (30 * HOUR_MS, 3.0)])],
        "block",
    );
    assert_eq!((report.series, report.floats, report.parts), (1, 3, 2));
    assert_eq!(report.range, Some(TimeRange::new(1000, 30 * HOUR_MS)));
    let expected = [(1000, 1.0), (2000, 2.0), (30 * HOUR_MS, 3.0), (50 * HOUR_MS, 5.0)];
    assert_eq!(read(&store, "a", TimeRange::ALL), expected);
    drop(store);
    store = open(folder.path());
    assert_eq!(read(&store, "a", TimeRange::ALL), expected, "after a restart");
    assert!(store.has_imported("block") && !store.has_imported("other"));
    append(&store, "a", &[(51 * HOUR_MS, 6.0)]);
    store.flush().expect("flushes");
    store.maintain(1000 * HOUR_MS).expect("merges");
    assert_eq!(
        read(&store, "a", TimeRange::ALL).len(),
        5,
        "merged with what was flushed"
    );
    assert!(store.has_imported("block"));
}

#[test]
fn what_is_not_committed_is_gone_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let mut load = store.bulk(&TenantId::default(), Vec::new());
    // The second begins other parts, so the first are written.
    load.add(bulk_series("b", &[(1000, 1.0)])).expect("adds");
    load.add(bulk_series("a", &[(1000, 1.0)])).expect("adds");
    drop(load);
    assert!(read(&store, "b", TimeRange::ALL).is_empty());
    let files = || walk(&folder.path().join("parts"));
    assert_eq!(files(), 1);
    drop(store);
    let store = open(folder.path());
    assert_eq!(files(), 0, "an object that no manifest names");
    assert!(read(&store, "b", TimeRange::ALL).is_empty());
}

fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let counts = entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 });
    counts.sum()
}

#[test]
fn an_earlier_deletion_does_not_hide_it_and_a_later_one_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let tenant = store.tenant(&TenantId::default());
    append(&store, "a", &[(1000, 1.0)]);
    tenant
        .delete_series(&[Matcher::equal("job", "a")], TimeRange::ALL)
        .expect("deletes");
    load(&store, vec![bulk_series("a", &[(1000, 2.0)])], "block");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 2.0)]);
    tenant
        .delete_series(&[Matcher::equal("job", "a")], TimeRange::ALL)
        .expect("deletes");
    assert!(read(&store, "a", TimeRange::ALL).is_empty());
}

#[test]
fn histograms_starts_exemplars_and_metadata_come_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "known", &[(1000, 1.0)]);
    let metadata = |metric: &str, help: &str| MetricMetadata {
        metric: metric.to_owned(),
        metric_type: MetricType::Histogram,
        help: help.to_owned(),
        unit: String::new(),
    };
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "1")]),
        timestamp_ms: 1000,
        value: 0.1,
    };
    let histogram = FloatHistogram {
        count: 3.0,
        sum: 4.0,
        ..FloatHistogram::default()
    };
    let mut bulk = store.bulk(
        &TenantId::default(),
        vec![metadata("up", "other"), metadata("h", "of blocks")],
    );
    bulk.add(BulkSeries {
        series: Series {
            labels: Labels::from_pairs([("__name__", "h")]),
            histogram_timestamps_ms: vec![1000],
            histograms: vec![Arc::new(histogram.clone())],
            ..Series::default()
        },
        start_timestamps: StartTimestamps {
            floats_ms: Vec::new(),
            histograms_ms: vec![500],
        },
        exemplars: vec![exemplar.clone()],
    })
    .expect("adds");
    let report = bulk.commit(Vec::new()).expect("commits");
    assert_eq!((report.histograms, report.exemplars), (1, 1));
    drop(store);
    let tenant = open(folder.path()).tenant(&TenantId::default());
    let matchers = [Matcher::equal("__name__", "h")];
    let selection = Selection {
        matchers: &matchers,
        range: TimeRange::ALL,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let found = tenant
        .select_started(&selection, &QueryBudget::unbounded())
        .expect("reads");
    assert_eq!(*found[0].0.histograms[0], histogram);
    assert_eq!(found[0].1.histograms_ms, [500]);
    let exemplars = tenant.exemplars(&matchers, TimeRange::ALL).expect("reads");
    assert_eq!(exemplars[0].1, [exemplar]);
    let help = |metric| tenant.metadata(Some(metric)).expect("reads")[0].help.clone();
    assert_eq!((help("h"), help("up")), ("of blocks".to_owned(), "h".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn all_samples_are_read_whatever_their_order(
        all in proptest::collection::vec((0u8..4, proptest::collection::vec((0i64..1_000_000, any::<u16>()), 1..40)), 1..8)
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        let mut expected = std::collections::BTreeMap::new();
        let mut series = Vec::new();
        for (job, samples) in &all {
            let samples: Vec<(i64, f64)> = samples.iter().map(|(at, value)| (at * 1000, f64::from(*value))).collect();
            for (at, value) in &samples {
                expected.entry((*job, *at)).or_insert(*value);
            }
            series.push(bulk_series(&job.to_string(), &samples));
        }
        load(&store, series, "block");
        store.maintain(i64::MAX / 2).expect("merges");
        for job in 0u8..4 {
            let of_job: Vec<(i64, f64)> = expected.range((job, i64::MIN)..=(job, i64::MAX)).map(|((_, at), value)| (*at, *value)).collect();
            prop_assert_eq!(read(&store, &job.to_string(), TimeRange::ALL), of_job);
        }
    }
}
