//! Which samples an import or an export is about.

use anyhow::Context as _;
use skopos_core::metric::Series;
use skopos_core::{Labels, Matcher, TimeRange, matcher};
use skopos_promql::parse_metric_selector;

use crate::cli::import::SelectionArgs;
use crate::query::api::time_ms;

/// Selectors, of which one must match, and a range of time.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    /// None is everything.
    pub(crate) matchers: Vec<Vec<Matcher>>,
    pub(crate) range: TimeRange,
    /// What was given, for the names of what was taken.
    text: String,
}

impl Selected {
    pub(crate) fn of(args: &SelectionArgs) -> anyhow::Result<Self> {
        let parse = |text: &String| {
            parse_metric_selector(text)
                .with_context(|| format!("--match {text:?} is no selector such as '{{job=\"api\"}}'"))
        };
        let bound = |flag: &str, text: &Option<String>| {
            let parsed = text
                .as_deref()
                .map(|text| time_ms(text).with_context(|| format!("in {flag}")));
            parsed.transpose()
        };
        let range = TimeRange::new(
            bound("--from", &args.from)?.unwrap_or(i64::MIN),
            bound("--to", &args.to)?.unwrap_or(i64::MAX),
        );
        anyhow::ensure!(range.start_ms <= range.end_ms, "--from lies after --to");
        let mut texts = args.matches.clone();
        texts.sort();
        Ok(Self {
            matchers: args.matches.iter().map(parse).collect::<anyhow::Result<_>>()?,
            range,
            text: match (texts.is_empty(), range == TimeRange::ALL) {
                (true, true) => String::new(),
                _ => format!(" {} {} {}", texts.join(" "), range.start_ms, range.end_ms),
            },
        })
    }

    /// What is added to the name of a source of which not everything is taken.
    pub(crate) fn suffix(&self) -> &str {
        &self.text
    }

    /// Whether a series is meant.
    pub(crate) fn takes(&self, labels: &Labels) -> bool {
        self.matchers.is_empty() || self.matchers.iter().any(|all| matcher::all_match(all, labels))
    }

    /// The part of a range that is meant; `None` where there is none.
    pub(crate) fn within(&self, range: TimeRange) -> Option<TimeRange> {
        let common = TimeRange::new(
            range.start_ms.max(self.range.start_ms),
            range.end_ms.min(self.range.end_ms),
        );
        (common.start_ms <= common.end_ms).then_some(common)
    }
}

/// Takes out of a series what does not pass; gives how many samples went.
pub(crate) fn keep_times(series: &mut Series, mut passes: impl FnMut(i64) -> bool) -> u64 {
    fn retain<T>(times_ms: &mut Vec<i64>, values: &mut Vec<T>, passes: &mut impl FnMut(i64) -> bool) {
        let kept: Vec<bool> = times_ms.iter().map(|time_ms| passes(*time_ms)).collect();
        let mut next = kept.iter();
        times_ms.retain(|_| next.next().is_some_and(|kept| *kept));
        let mut next = kept.iter();
        values.retain(|_| next.next().is_some_and(|kept| *kept));
    }
    let before = series.len();
    retain(&mut series.timestamps_ms, &mut series.values, &mut passes);
    retain(&mut series.histogram_timestamps_ms, &mut series.histograms, &mut passes);
    (before - series.len()) as u64
}
