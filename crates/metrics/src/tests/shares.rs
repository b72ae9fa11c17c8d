//! Series in shares are those that are lent one after the other.

use std::ops::ControlFlow;

use skopos_core::metric::{Lent as Outcome, MetricSource as _, ResolutionLimit, Selection, SeriesView, Wanted};
use skopos_core::{Matcher, QueryBudget, TenantId, TimeRange};

use super::visit::{Lent, append_many, lent};
use super::{HOUR_MS, open};
use crate::MetricStore;

/// The series of each share, or `None` where there are no shares; `meanwhile` runs before they are read.
fn shared(store: &MetricStore, count: usize, meanwhile: impl FnOnce()) -> Option<Vec<(Outcome, Lent)>> {
    let matchers = [Matcher::equal("__name__", "up")];
    let selection = Selection {
        matchers: &matchers,
        range: TimeRange::ALL,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let budget = QueryBudget::unbounded();
    let tenant = store.tenant(&TenantId::default());
    let shares = tenant.shares(&selection, Wanted::All, count)?;
    meanwhile();
    let read = shares.into_iter().map(|share| {
        let mut all = Lent::new();
        let mut visit = |view: &SeriesView<'_>| {
            let samples = view.timestamps_ms.iter().copied().zip(view.values.iter().copied());
            all.push((view.labels.clone(), samples.collect()));
            ControlFlow::Continue(())
        };
        let outcome = share.visit(&budget, &mut visit).expect("reads");
        (outcome, all)
    });
    Some(read.collect())
}

#[test]
fn shares_of_a_head_are_its_series_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    assert_eq!(shared(&store, 4, || {}), Some(Vec::new()), "nothing is in no share");
    for (series, count, shares) in [(100, 4, 1), (700, 4, 2), (3_000, 4, 4), (3_000, 1, 1)] {
        append_many(&store, 0..series, HOUR_MS + i64::from(series));
        let read = shared(&store, count, || {}).expect("all is in the head");
        assert_eq!(read.len(), shares, "{series} series for {count} threads");
        assert!(read.iter().all(|(outcome, _)| *outcome == Outcome::Samples));
        let joined: Lent = read.into_iter().flat_map(|(_, series)| series).collect();
        assert_eq!(joined, lent(&store, TimeRange::ALL, Wanted::All, |_| {}));
    }
}

#[test]
fn series_of_parts_are_in_no_shares() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append_many(&store, 0..3_000, HOUR_MS);
    let flush = || {
        store.maintain(10 * HOUR_MS).expect("maintains");
    };
    let read = shared(&store, 2, flush).expect("all was in the head");
    assert!(
        read.iter()
            .all(|(outcome, series)| *outcome == Outcome::Nothing && series.is_empty()),
        "what went to parts meanwhile is to be asked for anew"
    );
    append_many(&store, 0..3_000, 12 * HOUR_MS);
    assert_eq!(shared(&store, 2, || {}), None);
}
