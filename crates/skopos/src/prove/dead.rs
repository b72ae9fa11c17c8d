//! `skopos dead`: selectors of a server's rules and dashboards that match no series, and metrics that nobody reads.

use std::process::ExitCode;

use anyhow::Context as _;
use skopos_prove::dead::{DeadReport, DeadSelector};

use super::FINDINGS;
use crate::cli::prove::DeadArgs;
use crate::query::api::{get, show_time_ms};
use crate::query::table;

/// Asks and prints.
pub(crate) async fn run(args: DeadArgs) -> anyhow::Result<ExitCode> {
    let answer = get(&args.server, "/api/skopos/dead", &[]).await?;
    let report: DeadReport = serde_json::from_value(answer.clone()).context("the server's report cannot be read")?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        print(&report, args.unread);
    }
    let is_clean = report.rules.is_empty() && report.panels.is_empty();
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FINDINGS)
    })
}

fn print(report: &DeadReport, with_unread: bool) {
    for dead in &report.rules {
        let place = format!("{}:{}: {}", dead.file, dead.line, dead.rule);
        print_lines(&lines(&place, &dead.selector));
    }
    for dead in &report.panels {
        let place = format!("dashboard {:?}, {}", dead.dashboard, panel(dead.panel_id, &dead.panel));
        print_lines(&lines(&place, &dead.selector));
    }
    if with_unread {
        let rows = report.unread.iter();
        let rows: Vec<Vec<String>> = rows
            .map(|unread| vec![unread.metric.clone(), unread.series.to_string(), unread.job.clone()])
            .collect();
        table::print(&["unread metric", "series", "job"], &rows);
        table::print_line("");
    }
    table::print_line(&format!(
        "{} of {} selectors of rules and {} of {} of dashboards match no series; {} metrics are read by nobody",
        report.rules.len(),
        report.judged.rules,
        report.panels.len(),
        report.judged.panels,
        report.unread_total
    ));
}

fn print_lines(lines: &[String]) {
    for line in lines {
        table::print_line(line);
    }
}

fn panel(id: Option<i64>, title: &str) -> String {
    match id {
        Some(id) => format!("panel {id} {title:?}"),
        None if title.is_empty() => "a panel without a title".to_owned(),
        None => title.to_owned(),
    }
}

fn lines(place: &str, dead: &DeadSelector) -> Vec<String> {
    let seen = match dead.last_seen_ms {
        Some(at_ms) => format!("last seen {}", show_time_ms(at_ms)),
        None => "never seen".to_owned(),
    };
    let mut lines = vec![
        place.to_owned(),
        format!("    {}", dead.selector),
        format!("    {}; {seen}", dead.why),
    ];
    if !dead.nearest.is_empty() {
        lines.push(format!("    nearest: {}", dead.nearest.join("  ")));
    }
    lines.push(String::new());
    lines
}

#[cfg(test)]
mod tests {
    use skopos_prove::dead::{Cause, Role};

    use super::*;

    #[test]
    fn a_dead_selector_in_words() {
        let dead = DeadSelector {
            selector: "up{job=\"gatway\"}".to_owned(),
            role: Role::Needed,
            cause: Cause::Value,
            why: "series of up exist, but none has job=\"gatway\"".to_owned(),
            last_seen_ms: None,
            nearest: vec!["job=\"gateway\"".to_owned()],
        };
        let text = lines("a.yml:3: Down", &dead);
        assert_eq!(text[0], "a.yml:3: Down");
        assert_eq!(
            text[2],
            "    series of up exist, but none has job=\"gatway\"; never seen"
        );
        assert_eq!(text[3], "    nearest: job=\"gateway\"");
        assert_eq!(panel(Some(4), "CPU"), "panel 4 \"CPU\"");
    }
}
