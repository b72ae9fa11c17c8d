//! The sink and source of one tenant: head and parts as one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSink, MetricSource, ReadEstimate, Selection, Series,
    StartTimestamps,
};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TenantId, TimeRange, WriteError, matcher};
use skopos_storage::{StorageError, error_text};

use crate::estimate;
use crate::part::{self, RowInfo};
use crate::run::Run;
use crate::store::Shared;

/// The metrics of one tenant.
#[derive(Debug)]
pub struct TenantMetrics {
    pub(crate) tenant: TenantId,
    pub(crate) shared: Arc<Shared>,
}

impl TenantMetrics {
    pub(crate) fn new(tenant: TenantId, shared: Arc<Shared>) -> Self {
        Self { tenant, shared }
    }

    /// Samples of matching series in head and parts, sorted by labels.
    fn collect(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Run>, ReadError> {
        let mut found = Collected::default();
        self.select_parts(selection, budget, &mut found)?;
        for series in self.shared.head(&self.tenant).read().matching(selection.matchers) {
            if series.overlaps(selection.range) {
                let run = found.run(&series.labels);
                series.read_into(selection.range, &mut run.series);
                run.starts.extend(series.starts());
            }
        }
        let mut runs = found.runs;
        for run in &mut runs {
            run.normalise(selection.range);
            budget.charge(run.series.len(), "expression evaluation")?;
        }
        runs.retain(|run| !run.series.is_empty());
        runs.sort_by(|a, b| a.series.labels.cmp(&b.series.labels));
        Ok(runs)
    }

    /// Adds to `found` the samples of matching series that lie in parts.
    fn select_parts(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
        found: &mut Collected,
    ) -> Result<(), ReadError> {
        for meta in self.shared.storage.live_parts(&self.tenant, &selection.range) {
            let read_error = |error| read_error(&meta.path, &error);
            let Some(index) = self.shared.part_index(&meta).map_err(read_error)? else {
                continue;
            };
            let is_wanted = |row: &RowInfo| {
                row.range.overlaps(&selection.range) && matcher::all_match(selection.matchers, &row.labels)
            };
            let rows = (0u64..).zip(&index.rows).filter(|(_, row)| is_wanted(row));
            let wanted: Vec<u64> = rows.map(|(number, _)| number).collect();
            if wanted.is_empty() {
                continue;
            }
            budget.check("expression evaluation")?;
            let Some(reader) = self.shared.storage.open_part(&meta).map_err(read_error)? else {
                continue;
            };
            budget.note_part(estimate::share(meta.bytes, wanted.len() as u64, meta.rows));
            let tombstones = self.shared.tombstones.of_part(&meta);
            part::read_rows(&reader, &wanted, |number, mut series| {
                if let Some(row) = index.rows.get(number) {
                    for tombstone in &tombstones {
                        tombstone.apply(&row.labels, &mut series);
                    }
                    let starts = Vec::new();
                    found.run(&row.labels).extend(Run { series, starts });
                }
            })
            .map_err(read_error)?;
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
            let tombstones = self.shared.tombstones.of_part(&meta);
            for row in index.iter().flat_map(|index| &index.rows) {
                let is_hidden = tombstones
                    .iter()
                    .any(|tombstone| tombstone.hides(&row.labels, row.range));
                if !is_hidden && row.range.overlaps(&range) && matcher::all_match(matchers, &row.labels) {
                    visit(&row.labels);
                }
            }
        }
        Ok(())
    }
}

/// Runs of several sources, one for each series.
#[derive(Debug, Default)]
struct Collected {
    runs: Vec<Run>,
    by_labels: HashMap<Labels, usize>,
}

impl Collected {
    /// The run of a series, an empty one at first.
    fn run(&mut self, labels: &Labels) -> &mut Run {
        let next = self.runs.len();
        let at = *self.by_labels.entry_ref(labels).or_insert(next);
        if at == next {
            self.runs.push(Run {
                series: Series {
                    labels: labels.clone(),
                    ..Series::default()
                },
                starts: Vec::new(),
            });
        }
        &mut self.runs[at]
    }
}

pub(crate) fn read_error(what: &str, error: &StorageError) -> ReadError {
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
        let runs = self.collect(selection, budget)?;
        Ok(runs.into_iter().map(|run| run.series).collect())
    }

    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        let runs = self.collect(selection, budget)?;
        let started = runs.into_iter().map(|run| {
            let starts = run.start_timestamps();
            (run.series, starts)
        });
        Ok(started.collect())
    }

    fn estimate(&self, selection: &Selection<'_>) -> Result<ReadEstimate, ReadError> {
        estimate::estimate(self, selection)
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
