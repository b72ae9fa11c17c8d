//! JSON lines as VictoriaMetrics' `/api/v1/export` writes them: labels, values and times of a series in
//! each; a series of many samples has several lines. Native histograms, which VictoriaMetrics has no
//! place for, stand in lines of their own, as `histograms`.

use std::io::Write;

use anyhow::Context as _;
use serde_json::{Map, Value};
use skopos_core::metric::{Exemplar, Series};
use skopos_core::sample::is_stale;

use super::{Exported, Form, json};

/// Samples of a line at most.
const MAX_LINE_SAMPLES: usize = 10_000;

/// Writes lines.
pub(crate) struct JsonLines {
    out: Box<dyn Write + Send>,
}

impl JsonLines {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out }
    }

    /// Writes samples of a series, those that are no staleness markers.
    fn lines(
        &mut self,
        metric: &Map<String, Value>,
        key: &str,
        samples: &[(i64, Value)],
        exported: &mut Exported,
    ) -> anyhow::Result<()> {
        for some in samples.chunks(MAX_LINE_SAMPLES) {
            let values: Vec<&Value> = some.iter().map(|(_, value)| value).collect();
            let times_ms: Vec<i64> = some.iter().map(|(time_ms, _)| *time_ms).collect();
            let line = serde_json::json!({ "metric": metric, key: values, "timestamps": times_ms });
            writeln!(self.out, "{line}").context("failed to write")?;
            exported.samples += some.len() as u64;
        }
        Ok(())
    }
}

impl Form for JsonLines {
    fn series(&mut self, series: &Series, exemplars: &[Exemplar], exported: &mut Exported) -> anyhow::Result<()> {
        exported.exemplars_left_out += exemplars.len() as u64;
        let metric: Map<String, Value> = series
            .labels
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let floats = series.timestamps_ms.iter().zip(&series.values);
        let floats: Vec<(i64, Value)> = floats
            .filter(|(_, value)| !is_stale(**value))
            .map(|(time_ms, value)| (*time_ms, json::number(*value)))
            .collect();
        let histograms = series.histogram_timestamps_ms.iter().zip(&series.histograms);
        let histograms: Vec<(i64, Value)> = histograms
            .filter(|(_, histogram)| !is_stale(histogram.sum))
            .map(|(time_ms, histogram)| (*time_ms, json::histogram(histogram)))
            .collect();
        let all = series.values.len() + series.histograms.len();
        exported.markers_left_out += (all - floats.len() - histograms.len()) as u64;
        self.lines(&metric, "values", &floats, exported)?;
        self.lines(&metric, "histograms", &histograms, exported)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.out.flush().context("failed to write")
    }
}
