//! What queries decoded of parts serves the next ones, and never what is not so any more.

use skopos_core::metric::{MetricAdmin as _, Wanted};
use skopos_core::{Matcher, TenantId, TimeRange};

use super::visit::lent;
use super::{HOUR_MS, append, open};
use crate::{MetricStore, MetricStoreOptions};

fn samples(of: i64) -> Vec<(i64, f64)> {
    (0..240).map(|at| (HOUR_MS + at * 15_000, (at * of) as f64)).collect()
}

fn in_parts(store: &MetricStore) {
    for job in 1..=20 {
        append(store, &format!("job-{job}"), &samples(job));
    }
    store.maintain(10 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().series, 0, "all lies in parts");
}

fn kept_bytes(store: &MetricStore) -> u64 {
    store.shared.decoded.bytes()
}

#[test]
fn what_is_asked_for_again_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    in_parts(&store);
    let first = lent(&store, TimeRange::ALL, Wanted::All, |_| {});
    assert_eq!(first.len(), 20);
    let kept = kept_bytes(&store);
    assert!(kept > 20 * 240 * 8, "{kept} bytes are kept");
    assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}), first);
    let range = TimeRange::new(HOUR_MS + 600_000, HOUR_MS + 1_200_000);
    let some = lent(&store, range, Wanted::All, |_| {});
    for ((_, some), (_, all)) in some.iter().zip(&first) {
        let within: Vec<_> = all.iter().filter(|(time, _)| range.contains(*time)).copied().collect();
        assert_eq!(*some, within);
    }
    assert_eq!(kept_bytes(&store), kept, "nothing was decoded again");
}

#[test]
fn what_is_deleted_or_merged_is_not_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    in_parts(&store);
    assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}).len(), 20);
    let tenant = store.tenant(&TenantId::default());
    let matchers = [Matcher::equal("job", "job-7")];
    tenant.delete_series(&matchers, TimeRange::ALL).expect("deletes");
    assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}).len(), 19);
    store.clean_tombstones().expect("cleans");
    append(&store, "job-3", &[(20 * HOUR_MS, 3.0)]);
    store.flush().expect("flushes");
    let after = lent(&store, TimeRange::ALL, Wanted::All, |_| {});
    assert_eq!(after.len(), 19);
    assert_eq!(
        after.iter().map(|(_, samples)| samples.len()).sum::<usize>(),
        19 * 240 + 1
    );
}

#[test]
fn a_store_without_the_cache_answers_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = MetricStore::open(MetricStoreOptions {
        cache_bytes: 0,
        ..MetricStoreOptions::new(folder.path())
    })
    .expect("opens");
    in_parts(&store);
    for _ in 0..2 {
        assert_eq!(lent(&store, TimeRange::ALL, Wanted::All, |_| {}).len(), 20);
    }
    assert_eq!(kept_bytes(&store), 0);
}
