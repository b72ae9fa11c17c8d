//! The `_created` lines of OpenMetrics: when the counting of a metric began.
//!
//! With `--enable-feature=created-timestamp-zero-ingestion` they are no series of their own, but
//! zeros at that time in the series of their metric. The lines may come after the samples they are
//! about, so they are read first.

use std::collections::HashMap;

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricType;
use skopos_wire::exposition::{Entry, Format, LabelPairs, Parser, Sample};

const SUFFIX: &str = "_created";
/// Suffixes of a metric's other series.
const OTHER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// Whether zeros are written where a target says when counting began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CreatedZeros {
    /// They are.
    On,
    /// They are not; `_created` lines are series like others, as in Prometheus without its flag.
    #[default]
    Off,
}

/// Times by metric, in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct CreatedTimes {
    times: HashMap<Labels, i64>,
}

impl CreatedTimes {
    /// Reads them from an OpenMetrics body, as far as it is good.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut times = HashMap::new();
        for entry in Parser::new(body, Format::OpenMetrics).map_while(Result::ok) {
            let Entry::Sample(sample) = entry else { continue };
            if !is_created_line(&sample) {
                continue;
            }
            if let Some(metric) = sample.labels().ok().and_then(|pairs| metric(&pairs, &[SUFFIX])) {
                times.insert(metric, (sample.value * 1000.0) as i64);
            }
        }
        Self { times }
    }

    /// Whether the line is one of those that were read.
    pub(super) fn is_told_by(&self, sample: &Sample<'_>) -> bool {
        !self.times.is_empty() && is_created_line(sample)
    }

    /// When the counting of a sample's metric began.
    pub(super) fn of(&self, sample: &Sample<'_>) -> Option<i64> {
        if self.times.is_empty() || !has_beginning(sample.metric_type) {
            return None;
        }
        let pairs = sample.labels().ok()?;
        let metric = metric(&pairs, &OTHER_SUFFIXES)?;
        self.times.get(&metric).copied()
    }
}

const fn has_beginning(metric_type: MetricType) -> bool {
    matches!(
        metric_type,
        MetricType::Counter | MetricType::Histogram | MetricType::Summary
    )
}

fn is_created_line(sample: &Sample<'_>) -> bool {
    let name = sample.series.split(|byte| *byte == b'{').next().unwrap_or_default();
    has_beginning(sample.metric_type) && name.ends_with(SUFFIX.as_bytes())
}

/// The metric that a series belongs to: its name without a suffix, its labels without bounds.
fn metric(pairs: &LabelPairs<'_>, suffixes: &[&str]) -> Option<Labels> {
    let (_, name) = pairs.iter().find(|(name, _)| name == METRIC_NAME)?;
    let stem = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    let others = pairs
        .iter()
        .filter(|(name, _)| !matches!(name.as_ref(), METRIC_NAME | "le" | "quantile"))
        .map(|(name, value)| (name.as_ref(), value.as_ref()));
    Some(others.chain([(METRIC_NAME, stem.unwrap_or(name))]).collect())
}
