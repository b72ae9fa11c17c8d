//! The overlay as a source: what is stored, and what was evaluated, as one.

use skopos_core::metric::{Exemplar, MetricMetadata, MetricSource, Selection, Series, StartTimestamps};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};

use super::Overlay;
use crate::backtest::STAGE;

impl Overlay<'_> {
    /// Series of the overlay that match, cut to the range.
    fn laid_over(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        let recorders = self.recorders.values().flatten();
        let series = recorders.flat_map(|recorder| &recorder.series);
        let matching = series.filter(|series| skopos_core::matcher::all_match(matchers, &series.labels));
        matching.filter_map(|series| cut(series, range)).collect()
    }
}

/// The samples of a series within a range; `None` without any.
fn cut(series: &Series, range: TimeRange) -> Option<Series> {
    let within = |times: &[i64]| {
        let from = times.partition_point(|at_ms| *at_ms < range.start_ms);
        let to = times.partition_point(|at_ms| *at_ms <= range.end_ms);
        from..to.max(from)
    };
    let (floats, histograms) = (within(&series.timestamps_ms), within(&series.histogram_timestamps_ms));
    let cut = Series {
        labels: series.labels.clone(),
        timestamps_ms: series.timestamps_ms[floats.clone()].to_vec(),
        values: series.values[floats].to_vec(),
        histogram_timestamps_ms: series.histogram_timestamps_ms[histograms.clone()].to_vec(),
        histograms: series.histograms[histograms].to_vec(),
    };
    (!cut.is_empty()).then_some(cut)
}

impl MetricSource for Overlay<'_> {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let started = self.select_started(selection, budget)?;
        Ok(started.into_iter().map(|(series, _)| series).collect())
    }

    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        let mut found = self.base.select_started(selection, budget)?;
        let over = self.laid_over(selection.matchers, selection.range);
        if over.is_empty() {
            return Ok(found);
        }
        budget.charge(over.iter().map(Series::len).sum(), STAGE)?;
        found.extend(over.into_iter().map(|series| (series, StartTimestamps::default())));
        found.sort_by(|a, b| a.0.labels.cmp(&b.0.labels));
        Ok(found)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        let mut found = self.base.series(matchers, range)?;
        found.extend(self.laid_over(matchers, range).into_iter().map(|series| series.labels));
        found.sort();
        Ok(found)
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut found = self.base.label_names(matchers, range)?;
        for series in self.laid_over(matchers, range) {
            found.extend(series.labels.iter().map(|(name, _)| name.to_owned()));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut found = self.base.label_values(name, matchers, range)?;
        let over = self.laid_over(matchers, range);
        found.extend(
            over.iter()
                .filter_map(|series| series.labels.find(name))
                .map(str::to_owned),
        );
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        self.base.exemplars(matchers, range)
    }

    fn metadata(&self, metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        self.base.metadata(metric)
    }
}
