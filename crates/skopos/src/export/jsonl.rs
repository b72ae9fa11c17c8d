//! JSON lines as VictoriaMetrics' `/api/v1/export` writes them: labels, values and times of a series in
//! each; a series of many samples has several lines. NaN is `null`, infinities are texts.

use std::io::Write;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use skopos_core::metric::{Exemplar, Series};
use skopos_core::sample::is_stale;

use super::{Exported, Form};

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
}

impl Form for JsonLines {
    fn series(&mut self, series: &Series, exemplars: &[Exemplar], exported: &mut Exported) -> anyhow::Result<()> {
        exported.histograms_left_out += series.histograms.len() as u64;
        exported.exemplars_left_out += exemplars.len() as u64;
        let metric: Map<String, Value> = series
            .labels
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let samples: Vec<(i64, f64)> = series
            .timestamps_ms
            .iter()
            .copied()
            .zip(series.values.iter().copied())
            .filter(|(_, value)| !is_stale(*value))
            .collect();
        exported.markers_left_out += (series.values.len() - samples.len()) as u64;
        for some in samples.chunks(MAX_LINE_SAMPLES) {
            let line = json!({
                "metric": metric,
                "values": some.iter().map(|(_, value)| number(*value)).collect::<Vec<_>>(),
                "timestamps": some.iter().map(|(time_ms, _)| *time_ms).collect::<Vec<_>>(),
            });
            writeln!(self.out, "{line}").context("failed to write")?;
            exported.samples += some.len() as u64;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.out.flush().context("failed to write")
    }
}

fn number(value: f64) -> Value {
    if value.is_infinite() {
        return Value::from(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    // NaN is no number of JSON and becomes null.
    Value::from(value)
}
