//! What is told of a PromQL query beside its result, under the names that Prometheus has
//! (`util/stats`).

use std::time::Instant;

use serde_json::{Value, json};
use skopos_core::QueryBudget;
use skopos_promql::duration::format_duration;
use skopos_promql::{QueryOutput, QueryStats};

/// Times and samples of a query that was received, then started, and is over.
pub(crate) fn stats_json(output: &QueryOutput, budget: &QueryBudget, received: Instant, started: Instant) -> Value {
    let evaluated = started.elapsed().as_secs_f64();
    let queued = started.duration_since(received).as_secs_f64();
    let mut samples = json!({
        "totalQueryableSamples": output.stats.queryable_samples,
        "peakSamples": budget.peak_samples(),
    });
    let steps = &output.stats.queryable_per_step;
    if !steps.is_empty() {
        let seconds = |time_ms: i64| match time_ms % 1000 {
            0 => Value::from(time_ms / 1000),
            _ => Value::from(time_ms as f64 / 1000.0),
        };
        let steps = steps.iter().map(|(time_ms, count)| json!([seconds(*time_ms), count]));
        samples["totalQueryableSamplesPerStep"] = steps.collect();
        samples["samplesRead"] = Value::from(output.stats.read_samples);
    }
    if !output.stats.windows.is_empty() {
        samples["downsampledWindows"] = windows_json(&output.stats);
    }
    json!({
        "timings": {
            "evalTotalTime": evaluated,
            "resultSortTime": 0,
            "queryPreparationTime": 0,
            "innerEvalTime": evaluated,
            "execQueueTime": queued,
            "execTotalTime": queued + evaluated,
        },
        "samples": samples,
    })
}

/// How many windows of downsampled data were read, by their length.
pub(crate) fn windows_json(stats: &QueryStats) -> Value {
    let lengths = stats.windows.iter();
    lengths
        .map(|(resolution_ms, count)| (format_duration(*resolution_ms), Value::from(*count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
