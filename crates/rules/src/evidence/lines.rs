//! The log lines behind the result of a LogQL rule.

use skopos_core::log::{Direction, LogSource};
use skopos_core::{Labels, MatchOp, Matcher, QueryBudget};
use skopos_logql::ast::{Expr, LabelFilter, LogExpr, MetricExpr, RangeExpr, Stage};
use skopos_logql::{Engine, QueryValue, RangeQuery};

use super::collect::MAX_SELECTORS;
use super::{Evidence, LineEvidence, SelectorEvidence};

/// Labels that stages set to tell of errors.
const INTERNAL: &str = "__";

/// The newest lines that each range expression of `query` read at `time_ns`, narrowed to those whose
/// labels do not contradict `labels`. What cannot be read is left out.
pub(crate) fn lines_of(
    engine: &Engine,
    source: &dyn LogSource,
    query: &str,
    labels: &Labels,
    time_ns: i64,
    budget: &QueryBudget,
) -> Vec<SelectorEvidence> {
    let Ok(Expr::Metric(metric)) = skopos_logql::parse(query) else {
        return Vec::new();
    };
    let mut ranges = Vec::new();
    find_ranges(&metric, &mut ranges);
    let read = ranges.into_iter().take(MAX_SELECTORS).map(|range| SelectorEvidence {
        selector: range.log.to_string(),
        series: Vec::new(),
        lines: read(engine, source, range, labels, time_ns, budget),
    });
    read.collect()
}

fn find_ranges<'a>(expr: &'a MetricExpr, ranges: &mut Vec<&'a RangeExpr>) {
    match expr {
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => {}
        MetricExpr::Range(range) => ranges.push(range),
        MetricExpr::Aggregate(aggregate) => find_ranges(&aggregate.expr, ranges),
        MetricExpr::Binary(binary) => {
            find_ranges(&binary.left, ranges);
            find_ranges(&binary.right, ranges);
        }
        MetricExpr::LabelReplace(replace) => find_ranges(&replace.expr, ranges),
    }
}

fn read(
    engine: &Engine,
    source: &dyn LogSource,
    range: &RangeExpr,
    labels: &Labels,
    time_ns: i64,
    budget: &QueryBudget,
) -> Vec<LineEvidence> {
    let end_ns = time_ns.saturating_sub(range.offset_ns);
    let query = RangeQuery {
        query: &narrowed(&range.log, labels).to_string(),
        // A window has its end and not its beginning, a log query the other way round.
        start_ns: end_ns.saturating_sub(range.range_ns).saturating_add(1),
        end_ns: end_ns.saturating_add(1),
        step_ns: 0,
        interval_ns: 0,
        limit: Evidence::MAX_LINES,
        direction: Direction::Backward,
    };
    let Ok(output) = engine.query_range(source, &query, budget) else {
        return Vec::new();
    };
    let QueryValue::Streams(streams) = output.value else {
        return Vec::new();
    };
    let newest_first = streams.entries.into_iter().map(|entry| LineEvidence {
        timestamp_ns: entry.timestamp_ns,
        labels: Labels::from_pairs(entry.all_labels().iter()),
        line: cut(entry.line),
    });
    let mut lines: Vec<LineEvidence> = newest_first.collect();
    lines.reverse();
    lines
}

/// The same selector for lines whose labels are equal or absent.
fn narrowed(log: &LogExpr, labels: &Labels) -> LogExpr {
    let mut log = log.clone();
    for (name, value) in labels.iter().filter(|(name, _)| !name.starts_with(INTERNAL)) {
        let pattern = format!("{}|", regex::escape(value));
        let matcher = Matcher::new(MatchOp::Regex, name, pattern).ok();
        log.stages
            .extend(matcher.map(|matcher| Stage::LabelFilter(LabelFilter::Matcher(matcher))));
    }
    log
}

fn cut(mut line: String) -> String {
    let mut end = line.len().min(Evidence::MAX_LINE_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line
}
