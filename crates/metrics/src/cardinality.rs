//! What makes many series in a head.

use std::collections::BTreeMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{Cardinality, NameCount};

use crate::head::Head;
use crate::series::MemSeries;

/// Counts series, values and bytes; at most `limit` entries a list, the most first.
pub(crate) fn cardinality(head: &Head, limit: usize) -> Cardinality {
    let mut by_metric: Vec<NameCount> = Vec::new();
    let mut by_pair: Vec<NameCount> = Vec::new();
    let mut values: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut label_pairs = 0;
    for (name, value, series) in head.index().pairs() {
        label_pairs += 1;
        let series = series as u64;
        let (count, bytes) = values.entry(name).or_default();
        *count += 1;
        *bytes += series * (name.len() + value.len()) as u64;
        if name == METRIC_NAME {
            keep(&mut by_metric, || value.to_owned(), series, limit);
        }
        keep(&mut by_pair, || format!("{name}={value}"), series, limit);
    }
    let (mut by_label, mut by_bytes, mut created) = (Vec::new(), Vec::new(), Vec::new());
    for (name, (count, bytes)) in values {
        keep(&mut by_label, || name.to_owned(), count, limit);
        keep(&mut by_bytes, || name.to_owned(), bytes, limit);
    }
    let growth = head.growth();
    for (metric, count) in &growth.created_by_metric {
        keep(&mut created, || metric.clone(), *count, limit);
    }
    Cardinality {
        series: head.len() as u64,
        label_pairs,
        chunks: head.all().map(MemSeries::chunk_count).sum::<usize>() as u64,
        bounds: head.bounds(),
        created: growth.created,
        removed: growth.removed,
        series_by_metric: by_metric,
        values_by_label: by_label,
        bytes_by_label: by_bytes,
        series_by_pair: by_pair,
        created_by_metric: created,
    }
}

/// Keeps the entry if it is among the greatest; of equal ones the first name.
fn keep(list: &mut Vec<NameCount>, name: impl FnOnce() -> String, count: u64, limit: usize) {
    if limit == 0 || (list.len() >= limit && list.last().is_some_and(|last| last.count > count)) {
        return;
    }
    let name = name();
    let at = list.partition_point(|kept| kept.count > count || (kept.count == count && kept.name < name));
    list.insert(at, NameCount { name, count });
    list.truncate(limit);
}
