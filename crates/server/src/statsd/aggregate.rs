//! StatsD samples added up: counters, gauges, histograms of timers, members of sets.
//!
//! A series keeps its total until it was idle for [`IDLE_MS`]; then it ends, and begins at zero
//! should it come again. Nothing here has a clock.

use std::collections::{HashMap, HashSet};

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, LabelsBuilder};
use skopos_wire::number::format_openmetrics_float;
use skopos_wire::statsd::{StatsdSample, StatsdValue};

/// Most series that are added up at once.
const MAX_SERIES: usize = 100_000;
/// Most members of a set between two flushes.
const MAX_MEMBERS: usize = 100_000;
/// A series ends when nothing was sent for so long.
const IDLE_MS: i64 = 3_600_000;
/// Upper bounds of the buckets, in seconds for timers: those of Prometheus' client libraries.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq)]
enum Total {
    Counter(f64),
    Gauge(f64),
    Histogram(Box<Histogram>),
    Set(HashSet<String>),
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Histogram {
    /// Of each bound, not cumulative.
    counts: [f64; BOUNDS.len()],
    count: f64,
    sum: f64,
}

#[derive(Debug)]
struct Series {
    total: Total,
    touched_ms: i64,
    /// Whether its total was written already.
    is_written: bool,
}

/// All series that are added up.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    series: HashMap<Labels, Series>,
    flushed_ms: i64,
}

impl Aggregates {
    /// Adds a sample. The error names the reason in the ledger.
    pub(super) fn add(&mut self, sample: StatsdSample, now_ms: i64) -> Result<(), &'static str> {
        if !self.series.contains_key(&sample.labels) && self.series.len() >= MAX_SERIES {
            return Err("series_limit");
        }
        let series = self.series.entry(sample.labels).or_insert_with(|| Series {
            total: empty(&sample.value),
            touched_ms: now_ms,
            is_written: false,
        });
        match (&mut series.total, sample.value) {
            (Total::Counter(total), StatsdValue::Count(value)) => *total += value,
            (Total::Gauge(total), StatsdValue::Set(value)) => *total = value,
            (Total::Gauge(total), StatsdValue::Add(value)) => *total += value,
            (Total::Histogram(total), StatsdValue::Observe { value, weight }) => {
                total.count += weight;
                total.sum += value * weight;
                if let Some(at) = BOUNDS.iter().position(|bound| value <= *bound)
                    && let Some(count) = total.counts.get_mut(at)
                {
                    *count += weight;
                }
            }
            (Total::Set(members), StatsdValue::Member(member)) => {
                if members.len() >= MAX_MEMBERS && !members.contains(&member) {
                    return Err("set_members_limit");
                }
                members.insert(member);
            }
            _ => return Err("type_conflict"),
        }
        series.touched_ms = now_ms;
        Ok(())
    }

    /// The samples of all series. A counter or histogram that is new begins with a zero at the flush
    /// before, so that `increase` sees all of it; the members of sets are counted and forgotten.
    pub(super) fn flush(&mut self, now_ms: i64) -> MetricBatch {
        let before_ms = std::mem::replace(&mut self.flushed_ms, now_ms);
        let mut batch = MetricBatch::default();
        if now_ms <= before_ms {
            return batch;
        }
        self.series.retain(|labels, series| {
            let is_idle = now_ms.saturating_sub(series.touched_ms) >= IDLE_MS;
            let zero_ms = Some(before_ms).filter(|before_ms| !series.is_written && *before_ms > 0);
            series.is_written = true;
            for (labels, value, begins_at_zero) in values(labels, &series.total) {
                let mut samples = Vec::with_capacity(2);
                if let Some(timestamp_ms) = zero_ms.filter(|_| begins_at_zero) {
                    samples.push(sample(timestamp_ms, 0.0));
                }
                samples.push(sample(now_ms, if is_idle { STALE_NAN } else { value }));
                batch.series.push(SeriesBatch {
                    labels,
                    samples,
                    ..SeriesBatch::default()
                });
            }
            if let Total::Set(members) = &mut series.total {
                members.clear();
            }
            !is_idle
        });
        batch
    }
}

const fn sample(timestamp_ms: i64, value: f64) -> MetricSample {
    MetricSample {
        timestamp_ms,
        value: MetricValue::Float(value),
    }
}

fn empty(value: &StatsdValue) -> Total {
    match value {
        StatsdValue::Count(_) => Total::Counter(0.0),
        StatsdValue::Set(_) | StatsdValue::Add(_) => Total::Gauge(0.0),
        StatsdValue::Observe { .. } => Total::Histogram(Box::default()),
        StatsdValue::Member(_) => Total::Set(HashSet::new()),
    }
}

/// The series of a total, and whether each counts from zero.
fn values(labels: &Labels, total: &Total) -> Vec<(Labels, f64, bool)> {
    match total {
        Total::Counter(value) => vec![(labels.clone(), *value, true)],
        Total::Gauge(value) => vec![(labels.clone(), *value, false)],
        Total::Set(members) => vec![(labels.clone(), members.len() as f64, false)],
        Total::Histogram(histogram) => {
            let mut out = Vec::with_capacity(BOUNDS.len() + 3);
            let mut below = 0.0;
            for (bound, count) in BOUNDS.iter().zip(&histogram.counts) {
                below += count;
                let le = format_openmetrics_float(*bound);
                out.push((suffixed(labels, "_bucket", Some(&le)), below, true));
            }
            out.push((suffixed(labels, "_bucket", Some("+Inf")), histogram.count, true));
            out.push((suffixed(labels, "_sum", None), histogram.sum, true));
            out.push((suffixed(labels, "_count", None), histogram.count, true));
            out
        }
    }
}

fn suffixed(labels: &Labels, suffix: &str, le: Option<&str>) -> Labels {
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(METRIC_NAME, &format!("{}{suffix}", labels.metric_name()));
    builder.set("le", le.unwrap_or_default());
    builder.build()
}

#[cfg(test)]
mod tests {
    use skopos_core::sample::is_stale;
    use skopos_wire::statsd::{StatsdLine, decode_line};

    use super::*;

    fn add(aggregates: &mut Aggregates, line: &str, now_ms: i64) -> Result<(), &'static str> {
        let Ok(StatsdLine::Samples(samples)) = decode_line(line) else {
            panic!("{line} is a good line")
        };
        samples
            .into_iter()
            .try_for_each(|sample| aggregates.add(sample, now_ms))
    }

    /// Name, bound and values, `stale` for the marker, sorted.
    fn flushed(aggregates: &mut Aggregates, now_ms: i64) -> Vec<String> {
        let batch = aggregates.flush(now_ms);
        let mut lines: Vec<String> = batch
            .series
            .iter()
            .map(|series| {
                let values = series.samples.iter().map(|sample| match sample.value {
                    MetricValue::Float(value) if is_stale(value) => "stale".to_owned(),
                    MetricValue::Float(value) => format!("{value}@{}", sample.timestamp_ms),
                    MetricValue::Histogram(_) => "histogram".to_owned(),
                });
                let values: Vec<String> = values.collect();
                format!(
                    "{}{} {}",
                    series.labels.metric_name(),
                    series.labels.get("le"),
                    values.join(" ")
                )
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn totals_are_kept_from_flush_to_flush() {
        let mut aggregates = Aggregates::default();
        assert_eq!(flushed(&mut aggregates, 10), Vec::<String>::new());
        for line in ["c:1|c", "c:2|c|@0.5", "g:7|g", "g:-2|g", "s:a|s", "s:b|s", "s:a|s"] {
            add(&mut aggregates, line, 11).expect(line);
        }
        assert_eq!(flushed(&mut aggregates, 20), ["c 0@10 5@20", "g 5@20", "s 2@20"]);
        add(&mut aggregates, "c:1|c", 21).expect("good");
        assert_eq!(flushed(&mut aggregates, 30), ["c 6@30", "g 5@30", "s 0@30"]);
        assert_eq!(add(&mut aggregates, "c:1|g", 31), Err("type_conflict"));
        assert_eq!(flushed(&mut aggregates, 30), Vec::<String>::new(), "time stands still");
    }

    #[test]
    fn timers_are_histograms() {
        let mut aggregates = Aggregates::default();
        for line in ["t:7|ms", "t:200|ms|@0.5", "t:60000|ms"] {
            add(&mut aggregates, line, 1).expect(line);
        }
        let lines = flushed(&mut aggregates, 20);
        for wanted in [
            "t_bucket0.005 0@20",
            "t_bucket0.01 1@20",
            "t_bucket0.25 3@20",
            "t_bucket10.0 3@20",
            "t_bucket+Inf 4@20",
            "t_count 4@20",
            "t_sum 60.407@20",
        ] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:?}");
        }
    }

    #[test]
    fn idle_series_end() {
        let mut aggregates = Aggregates::default();
        add(&mut aggregates, "g:7|g", 5).expect("good");
        assert_eq!(flushed(&mut aggregates, IDLE_MS + 4), [format!("g 7@{}", IDLE_MS + 4)]);
        assert_eq!(flushed(&mut aggregates, IDLE_MS + 5), ["g stale"]);
        assert_eq!(flushed(&mut aggregates, IDLE_MS + 6), Vec::<String>::new());
    }
}
