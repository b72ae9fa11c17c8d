//! The report for people: a table of the rules with a timeline of each, the firings, and the sweep.

use std::time::Duration;

use skopos_prove::backtest::{BacktestReport, Firing, RuleBacktest};

use crate::query::api::show_time_ms;
use crate::query::table;

/// Characters of a timeline.
const TIMELINE_CELLS: usize = 48;
/// From nothing fires to something fires all the time.
const LEVELS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Firings that are listed of a rule.
const MAX_LISTED: usize = 20;

/// Prints the report.
pub(super) fn print(report: &BacktestReport) {
    let (from, to) = (show_time_ms(report.from_ms), show_time_ms(report.to_ms));
    table::print_line(&format!("{from}  to  {to}"));
    let header = [
        "alert", "fired", "in total", "at night", "matched", "missed", "extra", "when",
    ];
    let rows: Vec<Vec<String>> = report.rules.iter().map(|rule| row(rule, report)).collect();
    table::print(&header, &rows);
    for rule in &report.rules {
        print_rule(rule);
    }
    if !report.sweep.is_empty() {
        table::print_line("");
        print_sweep(report);
    }
    for note in &report.notes {
        table::print_line(&format!("note: {note}"));
    }
}

fn row(rule: &RuleBacktest, report: &BacktestReport) -> Vec<String> {
    vec![
        rule.name.clone(),
        rule.count.to_string(),
        duration(rule.total_ms),
        rule.night_count.to_string(),
        rule.incidents.matched.to_string(),
        rule.incidents.missed.to_string(),
        rule.incidents.extra.to_string(),
        timeline(&rule.firings, [report.from_ms, report.to_ms]),
    ]
}

fn print_rule(rule: &RuleBacktest) {
    if let Some(failure) = &rule.failure {
        table::print_line(&format!(
            "{}: {} evaluations failed: {failure}",
            rule.name, rule.failures
        ));
    }
    if rule.firings.is_empty() {
        return;
    }
    table::print_line("");
    let rows = rule.firings.iter().take(MAX_LISTED);
    let rows: Vec<Vec<String>> = rows.map(|firing| firing_row(rule, firing)).collect();
    table::print(&["alert", "from", "to", "for", "", "labels"], &rows);
    if rule.count > MAX_LISTED {
        table::print_line(&format!("and {} more", rule.count - MAX_LISTED));
    }
}

fn firing_row(rule: &RuleBacktest, firing: &Firing) -> Vec<String> {
    let labels = firing.labels.iter().filter(|(name, _)| *name != "alertname");
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
    let end = if firing.ongoing {
        "still fires".to_owned()
    } else {
        show_time_ms(firing.end_ms)
    };
    vec![
        rule.name.clone(),
        show_time_ms(firing.start_ms),
        end,
        duration(firing.end_ms - firing.start_ms),
        if firing.night {
            "night".to_owned()
        } else {
            String::new()
        },
        format!("{{{}}}", labels.join(", ")),
    ]
}

fn print_sweep(report: &BacktestReport) {
    let current = report.rules.iter().map(|rule| {
        let values = (
            rule.threshold,
            rule.for_ms,
            rule.count,
            rule.total_ms,
            rule.night_count,
            rule.incidents,
        );
        (rule.name.as_str(), true, values)
    });
    let others = report.sweep.iter().map(|row| {
        let values = (
            row.threshold,
            row.for_ms,
            row.count,
            row.total_ms,
            row.night_count,
            row.incidents,
        );
        (row.rule.as_str(), false, values)
    });
    let mut rows: Vec<_> = current.chain(others).collect();
    rows.sort_by(|(a, _, x), (b, _, y)| {
        let threshold = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
        a.cmp(b)
            .then(threshold(x.0).total_cmp(&threshold(y.0)))
            .then(x.1.cmp(&y.1))
    });
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(
            |(rule, is_current, (threshold, for_ms, count, total_ms, night, incidents))| {
                vec![
                    format!("{rule}{}", if is_current { " (as it is)" } else { "" }),
                    threshold.map(|value| value.to_string()).unwrap_or_default(),
                    duration(for_ms),
                    count.to_string(),
                    duration(total_ms),
                    night.to_string(),
                    format!("{} / {} / {}", incidents.matched, incidents.missed, incidents.extra),
                ]
            },
        )
        .collect();
    let header = [
        "alert",
        "threshold",
        "for",
        "fired",
        "in total",
        "at night",
        "matched / missed / extra",
    ];
    table::print(&header, &rows);
}

/// How much of each part of the range something fires.
fn timeline(firings: &[Firing], [from_ms, to_ms]: [i64; 2]) -> String {
    let length_ms = (to_ms - from_ms).max(1) as f64;
    let cell = |index: usize| {
        let start = from_ms as f64 + length_ms * index as f64 / TIMELINE_CELLS as f64;
        let end = start + length_ms / TIMELINE_CELLS as f64;
        let covered = firings
            .iter()
            .map(|firing| (firing.end_ms as f64).min(end) - (firing.start_ms as f64).max(start));
        let share = covered.fold(0.0, f64::max) / (end - start);
        let highest = LEVELS.len() - 1;
        // Anything at all is shown.
        LEVELS[((share * highest as f64).ceil() as usize).min(highest)]
    };
    (0..TIMELINE_CELLS).map(cell).collect()
}

fn duration(ms: i64) -> String {
    let seconds = ms.max(0).unsigned_abs().div_ceil(1000);
    skopos_config::format_duration(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn timelines_show_even_short_firings() {
        let firing = |start_ms, end_ms| Firing {
            labels: BTreeMap::new(),
            start_ms,
            end_ms,
            ongoing: false,
            night: false,
        };
        let shown = timeline(&[firing(0, 1000), firing(4500, 4501)], [0, 48_000]);
        assert_eq!(shown.chars().count(), TIMELINE_CELLS);
        assert!(shown.starts_with("█···▁·"), "{shown}");
        assert_eq!(timeline(&[], [5, 5]), "·".repeat(TIMELINE_CELLS));
        assert_eq!(duration(90_000), "1m30s");
    }
}
