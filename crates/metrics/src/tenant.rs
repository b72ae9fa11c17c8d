//! The sink and source of one tenant: head and parts as one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::metric::{
    AppendReport, DownsampledSeries, Exemplar, Lent, MetricBatch, MetricMetadata, MetricSink, MetricSource,
    PackedFloats, ReadEstimate, ResolutionLimit, Selection, Series, SeriesView, Share, StartTimestamps, Wanted,
};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TenantId, TimeRange, WriteError};
use skopos_storage::{PartMeta, StorageError, error_text};

use crate::chosen::Chosen;
use crate::downsample::{Windows, reach, resolution_of};
use crate::estimate;
use crate::part::{Content, Kind};
use crate::run::{Run, normalise};
use crate::store::Shared;
use crate::tombstones::Tombstone;

pub(crate) const STAGE: &str = "expression evaluation";

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

    /// Matching series in head and parts, sorted by labels.
    pub(crate) fn collect(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<DownsampledSeries>, ReadError> {
        let mut found = Collected::default();
        // The head first: what leaves it meanwhile is in a part by then, and so is listed after.
        let head = self.read_head(selection);
        self.select_parts(selection, budget, &mut found)?;
        found.begin_source();
        for (labels, run) in head {
            found.run(&labels).extend(run);
        }
        let mut all = Vec::with_capacity(found.runs.len());
        for (at, mut run) in found.runs.into_iter().enumerate() {
            run.normalise(selection.range);
            let windows = found.windows.remove(&at).unwrap_or_default();
            let series = windows.join(run, selection.range);
            budget.charge(series.charged_samples(), STAGE)?;
            all.push(series);
        }
        all.retain(|series| !series.is_empty());
        all.sort_by(|a, b| a.series.labels.cmp(&b.series.labels));
        Ok(all)
    }

    /// Matching series of the head with their samples.
    fn read_head(&self, selection: &Selection<'_>) -> Vec<(Labels, Run)> {
        let head = self.shared.head(&self.tenant);
        let head = head.read();
        let matching = head.matching(selection.matchers);
        let matching = matching.filter(|series| series.overlaps(selection.range));
        let read = matching.map(|series| {
            let mut run = Run::default();
            series.read_into(selection.range, &mut run.series);
            run.starts.extend(series.starts());
            (series.labels.clone(), run)
        });
        read.collect()
    }

    /// Adds to `found` the samples of matching series that lie in parts.
    fn select_parts(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
        found: &mut Collected,
    ) -> Result<(), ReadError> {
        let wants = |kind| matches!(kind, Kind::Floats | Kind::Histograms | Kind::Starts);
        for meta in self
            .shared
            .choose_parts(&self.tenant, &selection.range, selection.resolution)
        {
            budget.check(STAGE)?;
            found.begin_source();
            if meta.spec.aggregate.is_some() {
                self.select_windows(&meta, selection, budget, found)?;
                continue;
            }
            let mut add = |labels: &Labels, tombstones: &[Tombstone], contents: Vec<Content>| {
                let mut run = Run::default();
                for content in contents {
                    content.add_to(&mut run, selection.range);
                }
                for tombstone in tombstones {
                    tombstone.apply(labels, &mut run.series);
                }
                found.run(labels).extend(run);
            };
            let bytes = self
                .read_part(&meta, selection.matchers, selection.range, wants, &mut add)
                .map_err(|error| read_error(&meta.path, &error))?;
            if let Some(bytes) = bytes {
                budget.note_part(bytes);
            }
        }
        Ok(())
    }

    /// Adds to `found` the windows of matching series that lie in a part of windows.
    fn select_windows(
        &self,
        meta: &PartMeta,
        selection: &Selection<'_>,
        budget: &QueryBudget,
        found: &mut Collected,
    ) -> Result<(), ReadError> {
        let range = reach(&selection.range, resolution_of(meta));
        let wants = |kind| matches!(kind, Kind::Windows | Kind::HistogramWindows);
        let mut add = |labels: &Labels, tombstones: &[Tombstone], contents: Vec<Content>| {
            let mut windows = Windows::default();
            for content in contents {
                windows.take(content);
            }
            for tombstone in tombstones {
                tombstone.apply_to_windows(labels, &mut windows.floats, &mut windows.histograms);
            }
            found.windows(labels).extend(windows);
        };
        let bytes = self
            .read_part(meta, selection.matchers, range, wants, &mut add)
            .map_err(|error| read_error(&meta.path, &error))?;
        if let Some(bytes) = bytes {
            budget.note_part(bytes);
        }
        Ok(())
    }

    /// Calls `visit` with each matching series of a part and what it holds in the range; gives the
    /// bytes that the rows stand for, if any were read.
    fn read_part(
        &self,
        meta: &PartMeta,
        matchers: &[Matcher],
        range: TimeRange,
        wants: impl Fn(Kind) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let Some(chosen) = Chosen::find(&self.shared, meta, matchers, range, wants)? else {
            return Ok(None);
        };
        let mut series = chosen.begin()?;
        while let Some(labels) = series.peek().cloned() {
            let mut contents = Vec::new();
            series.read(|content| contents.push(content))?;
            visit(&labels, series.tombstones(), contents);
        }
        Ok(Some(chosen.share()))
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
        for meta in self.shared.choose_parts(&self.tenant, &range, ResolutionLimit::KEPT) {
            let index = self
                .shared
                .indexes
                .get(&self.shared.storage, &meta)
                .map_err(|error| read_error(&meta.path, &error))?;
            let Some(index) = index else { continue };
            let tombstones = self.shared.tombstones.of_part(&meta);
            for series in index.select(matchers) {
                let labels = index.labels(series);
                let mut infos = index.rows_of(series).filter_map(|row| index.row(row));
                let is_seen = infos.any(|info| {
                    !matches!(info.kind, Kind::Exemplars | Kind::Starts)
                        && info.range.overlaps(&range)
                        && !tombstones.iter().any(|tombstone| tombstone.hides(&labels, info.range))
                });
                if is_seen {
                    visit(&labels);
                }
            }
        }
        Ok(())
    }
}

/// Takes a series of a part: its labels, what may hide samples of it, what its rows hold.
type Visit<'a> = dyn FnMut(&Labels, &[Tombstone], Vec<Content>) + 'a;

/// Runs of several sources, one for each series. A source has a series once, so labels are looked
/// up from the second source on.
#[derive(Debug, Default)]
struct Collected {
    runs: Vec<Run>,
    /// Windows by the place of their series' run.
    windows: HashMap<usize, Windows>,
    by_labels: HashMap<Labels, usize>,
    is_merging: bool,
}

impl Collected {
    /// Says that what follows is of another source.
    fn begin_source(&mut self) {
        let known = self.by_labels.len();
        self.is_merging = !self.runs.is_empty();
        for (at, run) in self.runs.iter().enumerate().skip(known) {
            self.by_labels.insert(run.series.labels.clone(), at);
        }
    }

    /// The run of a series, an empty one at first.
    fn run(&mut self, labels: &Labels) -> &mut Run {
        let at = self.place(labels);
        &mut self.runs[at]
    }

    /// The windows of a series, none at first.
    fn windows(&mut self, labels: &Labels) -> &mut Windows {
        let at = self.place(labels);
        self.windows.entry(at).or_default()
    }

    fn place(&mut self, labels: &Labels) -> usize {
        let next = self.runs.len();
        let at = if self.is_merging {
            *self.by_labels.entry_ref(labels).or_insert(next)
        } else {
            next
        };
        if at == next {
            self.runs.push(Run {
                series: Series {
                    labels: labels.clone(),
                    ..Series::default()
                },
                starts: Vec::new(),
            });
        }
        at
    }
}

/// The samples of a series, those known of windows too.
pub(crate) fn samples_in(series: DownsampledSeries, range: TimeRange) -> (Series, StartTimestamps) {
    let had_windows = series.has_windows();
    let (mut series, starts) = series.into_samples();
    if had_windows {
        normalise(&mut series, range);
    }
    (series, starts)
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

    fn append_packed(&self, floats: &PackedFloats) -> Result<AppendReport, WriteError> {
        self.shared.append_packed(&self.tenant, floats)
    }
}

impl MetricSource for TenantMetrics {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let all = self.collect(selection, budget)?.into_iter();
        Ok(all.map(|series| samples_in(series, selection.range).0).collect())
    }

    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        let all = self.collect(selection, budget)?.into_iter();
        Ok(all.map(|series| samples_in(series, selection.range)).collect())
    }

    fn select_downsampled(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<DownsampledSeries>, ReadError> {
        self.collect(selection, budget)
    }

    fn visit(
        &self,
        selection: &Selection<'_>,
        wanted: Wanted,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&SeriesView<'_>) -> ControlFlow<()>,
    ) -> Result<Lent, ReadError> {
        self.lend(selection, wanted, budget, &mut |view| {
            budget.charge(view.len(), STAGE)?;
            let flow = visit(view);
            budget.release(view.len());
            Ok(flow)
        })
    }

    fn shares<'a>(
        &'a self,
        selection: &'a Selection<'a>,
        wanted: Wanted,
        count: usize,
    ) -> Option<Vec<Box<dyn Share + 'a>>> {
        self.head_shares(selection, wanted, count)
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
        for meta in self.shared.storage.live_parts(&self.tenant, &range) {
            let mut add = |labels: &Labels, tombstones: &[Tombstone], contents: Vec<Content>| {
                let hidden: Vec<_> = tombstones
                    .iter()
                    .filter(|tombstone| tombstone.matches(labels))
                    .collect();
                for content in contents {
                    let Content::Exemplars(exemplars) = content else {
                        continue;
                    };
                    let seen = exemplars.into_iter().filter(|exemplar| {
                        let is_hidden = hidden.iter().any(|t| t.range.contains(exemplar.timestamp_ms));
                        range.contains(exemplar.timestamp_ms) && !is_hidden
                    });
                    found.entry(labels.clone()).or_default().extend(seen);
                }
            };
            self.read_part(&meta, matchers, range, |kind| kind == Kind::Exemplars, &mut add)
                .map_err(|error| read_error(&meta.path, &error))?;
        }
        for (labels, exemplar) in self.shared.head(&self.tenant).read().exemplars(matchers, range) {
            found.entry(labels).or_default().push(exemplar);
        }
        for exemplars in found.values_mut() {
            exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
            exemplars.dedup();
        }
        found.retain(|_, exemplars| !exemplars.is_empty());
        Ok(found.into_iter().collect())
    }

    fn metadata(&self, metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(self.shared.head(&self.tenant).read().metadata(metric))
    }
}
