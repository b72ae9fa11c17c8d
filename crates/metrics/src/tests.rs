//! The store as a whole: restart, flush, refusals, and a naive model beside it.

mod bulk;
mod churn;
mod decoded;
mod deletion;
mod downsample;
mod exemplars;
mod faults;
mod follow;
mod golden;
mod outage;
mod packed;
mod shares;
mod starts;
mod versions;
mod visit;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use skopos_core::metric::{
    AppendReport, MetricAdmin as _, MetricBatch, MetricMetadata, MetricSample, MetricSink as _, MetricSource as _,
    MetricType, MetricValue, ResolutionLimit, Selection, SeriesBatch, Wanted,
};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, TimeRange};

use crate::{MetricStore, MetricStoreOptions, StoreLimits};

const HOUR_MS: i64 = 3_600_000;

fn open(root: &Path) -> MetricStore {
    MetricStore::open(MetricStoreOptions::new(root)).expect("opens")
}

fn labels(job: &str) -> Labels {
    Labels::from_pairs([("__name__", "up"), ("job", job)])
}

fn append(store: &MetricStore, job: &str, samples: &[(i64, f64)]) -> AppendReport {
    let samples = samples.iter().map(|(timestamp_ms, value)| MetricSample {
        timestamp_ms: *timestamp_ms,
        value: MetricValue::Float(*value),
    });
    let batch = MetricBatch {
        series: vec![SeriesBatch {
            labels: labels(job),
            samples: samples.collect(),
            ..SeriesBatch::default()
        }],
        metadata: vec![MetricMetadata {
            metric: "up".into(),
            metric_type: MetricType::Gauge,
            help: "h".into(),
            unit: String::new(),
        }],
    };
    store.tenant(&TenantId::default()).append(batch).expect("appends")
}

fn read(store: &MetricStore, job: &str, range: TimeRange) -> Vec<(i64, f64)> {
    let matchers = [Matcher::equal("__name__", "up"), Matcher::equal("job", job)];
    let selection = Selection {
        matchers: &matchers,
        range,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let found = store
        .tenant(&TenantId::default())
        .select(&selection, &QueryBudget::unbounded())
        .expect("reads");
    found
        .into_iter()
        .flat_map(|series| series.timestamps_ms.into_iter().zip(series.values))
        .collect()
}

#[test]
fn a_restart_replays_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples: Vec<(i64, f64)> = (0..500).map(|i| (i * 15_000, i as f64)).collect();
    let store = open(folder.path());
    append(&store, "a", &samples);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.replay_report().samples, 500);
    assert_eq!(read(&store, "a", TimeRange::ALL), samples);
    let metadata = store.tenant(&TenantId::default()).metadata(Some("up")).expect("reads");
    assert_eq!(metadata[0].help, "h");
}

#[test]
fn a_flush_moves_samples_to_parts_and_truncates_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0), (25 * HOUR_MS, 2.0)]);
    let report = store.flush().expect("flushes");
    assert_eq!(report.parts, 2, "one part for each day");
    append(&store, "a", &[(26 * HOUR_MS, 3.0)]);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.replay_report().samples, 1);
    assert_eq!(
        read(&store, "a", TimeRange::ALL),
        [(1000, 1.0), (25 * HOUR_MS, 2.0), (26 * HOUR_MS, 3.0)]
    );
    assert_eq!(read(&store, "a", TimeRange::new(0, 2000)), [(1000, 1.0)]);
    assert_eq!(store.flush().expect("flushes").parts, 1);
    assert_eq!(store.flush().expect("flushes").parts, 0, "nothing is left to write");
}

#[test]
fn maintenance_flushes_forgets_and_retires() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = MetricStoreOptions::new(folder.path());
    options.limits.retention = std::time::Duration::from_hours(48);
    let store = MetricStore::open(options).expect("opens");
    append(&store, "a", &[(HOUR_MS, 1.0)]);
    assert_eq!(store.maintain(2 * HOUR_MS - 1).expect("maintains").parts, 0);
    assert_eq!(store.maintain(4 * HOUR_MS).expect("maintains").parts, 1);
    assert_eq!(store.stats().series, 0, "the head has forgotten what lies in parts");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(HOUR_MS, 1.0)]);
    store.maintain(100 * HOUR_MS).expect("maintains");
    assert_eq!(read(&store, "a", TimeRange::ALL), []);
    assert_eq!(store.stats().parts, 0);
}

#[test]
fn refusals_name_their_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(2000, 1.0)]);
    assert_eq!(
        append(&store, "a", &[(2000, 1.0)]).refused_count(),
        0,
        "the same again is no error"
    );
    assert_eq!(
        append(&store, "a", &[(2000, 9.0)]).refused[0].reason,
        "duplicate_timestamp"
    );
    assert_eq!(append(&store, "a", &[(1000, 9.0)]).refused[0].reason, "out_of_order");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(2000, 1.0)]);
}

#[test]
fn late_samples_within_the_window_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = MetricStoreOptions::new(folder.path());
    options.limits.out_of_order_window = std::time::Duration::from_mins(1);
    let store = MetricStore::open(options).expect("opens");
    append(&store, "a", &[(100_000, 1.0)]);
    store.flush().expect("flushes");
    assert_eq!(append(&store, "a", &[(90_000, 2.0)]).stored, 1);
    assert_eq!(append(&store, "a", &[(10_000, 2.0)]).refused[0].reason, "out_of_order");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(90_000, 2.0), (100_000, 1.0)]);
    store.flush().expect("flushes");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(90_000, 2.0), (100_000, 1.0)]);
}

#[test]
fn tenants_do_not_see_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    let other = store.tenant(&TenantId::new("other").expect("valid"));
    assert_eq!(other.series(&[], TimeRange::ALL).expect("reads"), []);
    assert_eq!(
        store
            .tenant(&TenantId::default())
            .label_values("job", &[], TimeRange::ALL)
            .expect("reads"),
        ["a"]
    );
}

#[derive(Debug, Clone)]
enum Step {
    Append { job: u8, gap_ms: i64, value: f64 },
    Delete { job: u8, from_ms: i64, length_ms: i64 },
    Clean,
    Compact,
    Flush,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..4, 1i64..40_000_000, any::<f64>()).prop_map(|(job, gap_ms, value)| Step::Append { job, gap_ms, value }),
        1 => (0u8..4, 0i64..200_000_000, 0i64..100_000_000)
            .prop_map(|(job, from_ms, length_ms)| Step::Delete { job, from_ms, length_ms }),
        1 => Just(Step::Clean),
        1 => Just(Step::Compact),
        2 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_store_equals_a_naive_model(steps in proptest::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let mut model: BTreeMap<u8, Vec<(i64, f64)>> = BTreeMap::new();
        let mut newest: BTreeMap<u8, i64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append { job, gap_ms, value } => {
                    let series = model.entry(job).or_default();
                    let at = newest.get(&job).copied().unwrap_or_default() + gap_ms;
                    newest.insert(job, at);
                    series.push((at, value));
                    append(&store, &job.to_string(), &[(at, value)]);
                }
                Step::Delete { job, from_ms, length_ms } => {
                    let range = TimeRange::new(from_ms, from_ms + length_ms);
                    let matchers = [Matcher::equal("job", job.to_string())];
                    store.tenant(&TenantId::default()).delete_series(&matchers, range).expect("deletes");
                    if let Some(series) = model.get_mut(&job) {
                        series.retain(|sample| !range.contains(sample.0));
                    }
                }
                Step::Clean => drop(store.clean_tombstones().expect("cleans")),
                // Long after all samples: what is due is flushed, forgotten and merged.
                Step::Compact => drop(store.maintain(1 << 40).expect("maintains")),
                Step::Flush => drop(store.flush().expect("flushes")),
                Step::Restart => {
                    drop(store);
                    store = open(folder.path());
                }
            }
        }
        for range in [TimeRange::ALL, TimeRange::new(0, 60_000_000)] {
            for (labels, newest) in visit::lent(&store, range, Wanted::Newest, |_| {}) {
                let job: u8 = labels.get("job").parse().expect("a number");
                let expected = model[&job].iter().rfind(|sample| range.contains(sample.0));
                prop_assert_eq!(newest.last().map(|s| (s.0, s.1.to_bits())), expected.map(|s| (s.0, s.1.to_bits())));
            }
        }
        let all = visit::lent(&store, TimeRange::ALL, Wanted::All, |_| {});
        prop_assert_eq!(all.len(), model.values().filter(|samples| !samples.is_empty()).count());
        for (labels, samples) in all {
            let bits = |samples: &[(i64, f64)]| samples.iter().map(|(t, v)| (*t, v.to_bits())).collect::<Vec<_>>();
            let job: u8 = labels.get("job").parse().expect("a number");
            prop_assert_eq!(bits(&samples), bits(&model[&job]));
        }
        for (job, samples) in model {
            let bits = |samples: &[(i64, f64)]| samples.iter().map(|(t, v)| (*t, v.to_bits())).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read(&store, &job.to_string(), TimeRange::ALL)), bits(&samples), "job {}", job);
        }
    }
}

#[test]
fn limits_change_while_the_store_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(100_000, 1.0)]);
    assert_eq!(append(&store, "a", &[(90_000, 2.0)]).refused[0].reason, "out_of_order");
    let limits = StoreLimits {
        out_of_order_window: std::time::Duration::from_mins(1),
        retention: std::time::Duration::from_hours(48),
        ..StoreLimits::default()
    };
    store.set_limits(limits);
    assert_eq!(store.limits(), limits);
    assert_eq!(append(&store, "a", &[(90_000, 2.0)]).stored, 1);
    store.maintain(4 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().parts, 1);
    store.maintain(100 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().parts, 0, "what is too old by the new limit went");
}
