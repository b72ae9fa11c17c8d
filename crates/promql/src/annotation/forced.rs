//! The one annotation that grows: falling counts of classic buckets.

use std::fmt;

use super::text::for_metric;
use crate::functions::classic::Forced;
use crate::number::{format_two_digits, format_value};

/// Counts of classic buckets that fell, over all histograms of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForcedMonotonicity {
    metric: String,
    forced: Forced,
    first_ms: i64,
    last_ms: i64,
    samples: usize,
}

impl ForcedMonotonicity {
    pub(crate) fn new(metric: String, time_ms: i64, forced: Forced) -> Self {
        Self {
            metric,
            forced,
            first_ms: time_ms,
            last_ms: time_ms,
            samples: 1,
        }
    }

    pub(super) fn metric(&self) -> &str {
        &self.metric
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.forced.lowest_bound = self.forced.lowest_bound.min(other.forced.lowest_bound);
        self.forced.highest_bound = self.forced.highest_bound.max(other.forced.highest_bound);
        self.forced.largest_difference = self.forced.largest_difference.max(other.forced.largest_difference);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.samples += other.samples;
    }
}

impl fmt::Display for ForcedMonotonicity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = "input to histogram_quantile needed to be fixed for monotonicity (see \
                    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        f.write_str(what)?;
        for_metric(f, &self.metric)?;
        let (from, to) = (
            format_value(self.forced.lowest_bound),
            format_value(self.forced.highest_bound),
        );
        let difference = format_two_digits(self.forced.largest_difference);
        let samples = self.samples;
        let (first, last) = (utc_seconds(self.first_ms), utc_seconds(self.last_ms));
        write!(
            f,
            ", from buckets {from} to {to}, with a max diff of {difference}, over {samples} samples from {first} to {last}"
        )
    }
}

fn utc_seconds(time_ms: i64) -> String {
    let time = jiff::Timestamp::from_second(time_ms / 1000);
    time.map_or_else(|_| format!("{}s", time_ms / 1000), |time| time.to_string())
}
