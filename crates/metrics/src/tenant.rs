//! The sink and source of one tenant: head and parts as one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSink, MetricSource, Selection, Series,
};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TenantId, TimeRange, WriteError, matcher};
use skopos_storage::{StorageError, error_text};

use crate::part;
use crate::series::normalise;
use crate::store::Shared;

/// The metrics of one tenant.
#[derive(Debug)]
pub struct TenantMetrics {
    tenant: TenantId,
    shared: Arc<Shared>,
}

impl TenantMetrics {
    pub(crate) fn new(tenant: TenantId, shared: Arc<Shared>) -> Self {
        Self { tenant, shared }
    }

    /// Adds to `found` the samples of matching series that lie in parts.
    fn select_parts(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
        found: &mut BTreeMap<Labels, Series>,
    ) -> Result<(), ReadError> {
        for meta in self.shared.storage.live_parts(&self.tenant, &selection.range) {
            let Some(index) = self
                .shared
                .part_index(&meta)
                .map_err(|error| read_error(&meta.path, &error))?
            else {
                continue;
            };
            let wanted: Vec<u64> = (0u64..)
                .zip(&index.rows)
                .filter(|(_, row)| {
                    row.range.overlaps(&selection.range) && matcher::all_match(selection.matchers, &row.labels)
                })
                .map(|(number, _)| number)
                .collect();
            if wanted.is_empty() {
                continue;
            }
            budget.check("expression evaluation")?;
            let Some(reader) = self
                .shared
                .storage
                .open_part(&meta)
                .map_err(|error| read_error(&meta.path, &error))?
            else {
                continue;
            };
            part::read_rows(&reader, &wanted, |number, series| {
                if let Some(row) = index.rows.get(number) {
                    extend(found, &row.labels, series);
                }
            })
            .map_err(|error| read_error(&meta.path, &error))?;
        }
        Ok(())
    }

    /// Calls `visit` with the labels of each matching series in head and parts.
    fn for_each_series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        mut visit: impl FnMut(&Labels),
    ) -> Result<(), ReadError> {
        for series in self.shared.head(&self.tenant).read().matching(matchers) {
            if series.overlaps(range) {
                visit(&series.labels);
            }
        }
        for meta in self.shared.storage.live_parts(&self.tenant, &range) {
            let index = self
                .shared
                .part_index(&meta)
                .map_err(|error| read_error(&meta.path, &error))?;
            for row in index.iter().flat_map(|index| &index.rows) {
                if row.range.overlaps(&range) && matcher::all_match(matchers, &row.labels) {
                    visit(&row.labels);
                }
            }
        }
        Ok(())
    }
}

fn extend(found: &mut BTreeMap<Labels, Series>, labels: &Labels, mut more: Series) {
    let series = found.entry(labels.clone()).or_insert_with(|| Series {
        labels: labels.clone(),
        ..Series::default()
    });
    series.timestamps_ms.append(&mut more.timestamps_ms);
    series.values.append(&mut more.values);
    series.histogram_timestamps_ms.append(&mut more.histogram_timestamps_ms);
    series.histograms.append(&mut more.histograms);
}

fn read_error(what: &str, error: &StorageError) -> ReadError {
    ReadError::Storage {
        what: what.to_owned(),
        reason: error_text(error),
    }
}

impl MetricSink for TenantMetrics {
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        self.shared.append(&self.tenant, batch)
    }
}

impl MetricSource for TenantMetrics {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let mut found = BTreeMap::new();
        self.select_parts(selection, budget, &mut found)?;
        for series in self.shared.head(&self.tenant).read().matching(selection.matchers) {
            if series.overlaps(selection.range) {
                extend(&mut found, &series.labels, series.read(selection.range));
            }
        }
        let mut out = Vec::with_capacity(found.len());
        for (_, mut series) in found {
            normalise(&mut series, selection.range);
            budget.charge(series.len(), "expression evaluation")?;
            if !series.is_empty() {
                out.push(series);
            }
        }
        Ok(out)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_series(matchers, range, |labels| {
            found.insert(labels.clone());
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_series(matchers, range, |labels| {
            for (name, _) in labels {
                if !found.contains(name) {
                    found.insert(name.to_owned());
                }
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_series(matchers, range, |labels| {
            if let Some(value) = labels.find(name)
                && !found.contains(value)
            {
                found.insert(value.to_owned());
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        for (labels, exemplar) in self.shared.head(&self.tenant).read().exemplars(matchers, range) {
            found.entry(labels).or_default().push(exemplar);
        }
        Ok(found.into_iter().collect())
    }

    fn metadata(&self, metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(self.shared.head(&self.tenant).read().metadata(metric))
    }
}
