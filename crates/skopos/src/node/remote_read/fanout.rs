//! The metrics of a tenant with those that remotes are asked for.

use std::ops::ControlFlow;
use std::sync::Arc;

use skopos_core::metric::{
    DownsampledSeries, Exemplar, Lent, MetricMetadata, MetricSource, ReadEstimate, ResolutionLimit, Selection, Series,
    SeriesView, Share, StartTimestamps, Wanted, merge_series,
};
use skopos_core::{Clock as _, Labels, Matcher, QueryBudget, ReadError, SystemClock, TimeRange};
use skopos_metrics::MetricStore;
use skopos_wire::remote_read::encode_read;
use tokio::runtime::Handle;

use super::RemoteReads;
use super::answer::{Answer, NoAnswer};
use super::client::Client;
use super::remote::Question;

/// Reads the own store and, where the configuration has them, remotes. What is known of labels, exemplars and
/// metadata is known of the own store alone, as in Prometheus.
#[derive(Debug)]
pub(in crate::node) struct Fanout {
    own: Arc<dyn MetricSource>,
    store: MetricStore,
    remotes: Arc<RemoteReads>,
    runtime: Handle,
}

/// A remote that is being asked.
type Asked = (Question, Answer);

impl Fanout {
    /// Over the source of a tenant of `store`; requests are made on `runtime`.
    pub(in crate::node) fn new(
        own: Arc<dyn MetricSource>,
        store: MetricStore,
        remotes: Arc<RemoteReads>,
        runtime: Handle,
    ) -> Self {
        Self {
            own,
            store,
            remotes,
            runtime,
        }
    }

    fn has_remotes(&self) -> bool {
        !self.remotes.0.load().is_empty()
    }

    /// What remotes are asked of a selection.
    fn questions(&self, selection: &Selection<'_>) -> Vec<(Question, Arc<Client>)> {
        let oldest_ms = || self.store.oldest_ms().unwrap_or_else(|| SystemClock.now_ms());
        let remotes = self.remotes.0.load();
        let asked = remotes.iter().filter_map(|remote| {
            let question = remote.question(selection.matchers, selection.range, oldest_ms)?;
            Some((question, Arc::clone(&remote.client)))
        });
        asked.collect()
    }

    /// Asks all remotes that have to do with a selection, at once.
    fn ask(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Vec<Asked> {
        let mut asked = Vec::new();
        for (question, client) in self.questions(selection) {
            let body = encode_read(&Selection {
                matchers: &question.matchers,
                range: question.range,
                ..selection.clone()
            });
            match body {
                Ok(body) => asked.push((question, Answer::begin(&client, body, &self.runtime))),
                Err(error) => budget.warn(format!("remote_read: {error}")),
            }
        }
        asked
    }

    /// Adds what remotes answer. One that fails leaves a warning; only the query's own end is an error.
    fn add_answers(
        found: &mut Vec<DownsampledSeries>,
        asked: Vec<Asked>,
        budget: &QueryBudget,
    ) -> Result<(), ReadError> {
        for (question, answer) in asked {
            match answer.series(budget) {
                Ok(series) => merge_series(found, &question.cleaned(series)),
                Err(NoAnswer::Budget(error)) => return Err(error.into()),
                Err(NoAnswer::Remote(text)) => budget.warn(format!("remote_read: {text}")),
            }
        }
        Ok(())
    }
}

impl MetricSource for Fanout {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        if !self.has_remotes() {
            return self.own.select(selection, budget);
        }
        let found = self.select_started(selection, budget)?;
        Ok(found.into_iter().map(|(series, _)| series).collect())
    }

    fn visit(
        &self,
        selection: &Selection<'_>,
        wanted: Wanted,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&SeriesView<'_>) -> ControlFlow<()>,
    ) -> Result<Lent, ReadError> {
        // Who was lent nothing selects, so that no remote is asked twice.
        if self.has_remotes() && !self.questions(selection).is_empty() {
            return Ok(Lent::Nothing);
        }
        self.own.visit(selection, wanted, budget, visit)
    }

    fn shares<'a>(
        &'a self,
        selection: &'a Selection<'a>,
        wanted: Wanted,
        count: usize,
    ) -> Option<Vec<Box<dyn Share + 'a>>> {
        if self.has_remotes() {
            return None;
        }
        self.own.shares(selection, wanted, count)
    }

    fn asks_others(&self) -> bool {
        self.has_remotes()
    }

    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        if !self.has_remotes() {
            return self.own.select_started(selection, budget);
        }
        let asked = self.ask(selection, budget);
        let own = self.own.select_started(selection, budget)?.into_iter();
        let mut found: Vec<DownsampledSeries> = own
            .map(|(series, starts)| DownsampledSeries {
                series,
                starts,
                ..DownsampledSeries::default()
            })
            .collect();
        Self::add_answers(&mut found, asked, budget)?;
        Ok(found.into_iter().map(|found| (found.series, found.starts)).collect())
    }

    fn select_downsampled(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<DownsampledSeries>, ReadError> {
        if !self.has_remotes() {
            return self.own.select_downsampled(selection, budget);
        }
        let asked = self.ask(selection, budget);
        let mut found = self.own.select_downsampled(selection, budget)?;
        Self::add_answers(&mut found, asked, budget)?;
        Ok(found)
    }

    fn estimate(&self, selection: &Selection<'_>) -> Result<ReadEstimate, ReadError> {
        self.own.estimate(selection)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        self.own.series(matchers, range)
    }

    fn series_for_query(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Labels>, ReadError> {
        let mut found = self.own.series_for_query(matchers, range, budget)?;
        if !self.has_remotes() {
            return Ok(found);
        }
        let selection = Selection {
            matchers,
            range,
            step_ms: 0,
            resolution: ResolutionLimit::KEPT,
        };
        let mut more = Vec::new();
        Self::add_answers(&mut more, self.ask(&selection, budget), budget)?;
        budget.release(more.iter().map(DownsampledSeries::charged_samples).sum());
        found.extend(more.into_iter().map(|found| found.series.labels));
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        self.own.label_names(matchers, range)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        self.own.label_values(name, matchers, range)
    }

    fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        self.own.exemplars(matchers, range)
    }

    fn metadata(&self, metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        self.own.metadata(metric)
    }
}
