//! The report for people: a row for each rule, reasons below what is not proven.

use skopos_prove::{Report, RuleReport, Verdict};

use crate::query::table;

/// Longest reason or message in a row.
const MAX_CHARACTERS: usize = 100;

/// Prints the report.
pub(super) fn print(report: &Report) {
    for rules in report.rules.chunk_by(|a, b| a.file == b.file) {
        if let Some(first) = rules.first() {
            table::print_line(&first.file);
        }
        let rows: Vec<Vec<String>> = rules.iter().map(row).collect();
        table::print(
            &["  verdict", "alert", "fires after", "receivers", "message or reason"],
            &rows,
        );
        table::print_line("");
    }
    for rule in report.rules.iter().filter(|rule| rule.verdict != Verdict::Proven) {
        for line in reasons(rule) {
            table::print_line(&line);
        }
    }
    let proven = report.rules.iter().filter(|rule| rule.verdict == Verdict::Proven);
    for rule in proven {
        for note in &rule.notes {
            table::print_line(&format!("{}:{}: {}: note: {note}", rule.file, rule.line, rule.name));
        }
    }
    for finding in &report.findings {
        table::print_line(finding);
    }
    table::print_line(&summary(report));
}

fn summary(report: &Report) -> String {
    let counts = report.counts;
    format!(
        "{} rules: {} proven, {} broken, {} not provable",
        report.rules.len(),
        counts.proven,
        counts.broken,
        counts.not_provable
    ) + &match report.findings.len() {
        0 => String::new(),
        count => format!(", and {count} more findings"),
    }
}

fn row(rule: &RuleReport) -> Vec<String> {
    let verdict = match rule.verdict {
        Verdict::Proven => "proven",
        Verdict::Broken => "BROKEN",
        Verdict::NotProvable => "not provable",
    };
    let message = rule.message.as_ref().map(|message| message.title.clone());
    let text = rule.why.clone().or(message).unwrap_or_default();
    vec![
        format!("  {verdict}"),
        rule.name.clone(),
        rule.time_to_fire_ms.map(duration).unwrap_or_default(),
        receivers(rule),
        short(&text),
    ]
}

/// Who is told; of those that are not told of the end, that they are not.
fn receivers(rule: &RuleReport) -> String {
    let ends = rule.resolved_by.is_some();
    let told = rule.receivers.iter().map(|receiver| {
        if ends && !rule.resolved_receivers.contains(receiver) {
            format!("{receiver} (not of the end)")
        } else {
            receiver.clone()
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Everything that helps to mend a rule.
fn reasons(rule: &RuleReport) -> Vec<String> {
    let why = rule.why.as_deref().unwrap_or("no reason is known");
    let mut lines = vec![
        format!("{}:{}: {}: {why}", rule.file, rule.line, rule.name),
        format!("    {}", rule.expr.split_whitespace().collect::<Vec<_>>().join(" ")),
    ];
    let witness = rule.witness.iter();
    lines.extend(witness.map(|series| format!("    with {}  {}", series.series, short(&series.values))));
    lines.extend(rule.notes.iter().map(|note| format!("    note: {note}")));
    lines.push(String::new());
    lines
}

fn duration(ms: i64) -> String {
    skopos_config::format_duration(std::time::Duration::from_millis(ms.max(0).unsigned_abs()))
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_CHARACTERS {
        return line;
    }
    let cut: String = line.chars().take(MAX_CHARACTERS).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use skopos_prove::{ProveOptions, Prover};

    use super::*;

    #[test]
    fn rows_and_reasons() {
        let text =
            "groups: [{name: g, rules: [{alert: Good, expr: up == 0, for: 2m}, {alert: Bad, expr: vector(1) > 2}]}]";
        let file = skopos_rules::parse_rule_file(text, "r.yml").expect("the file is valid");
        let report = Prover::new(&[file], ProveOptions::default()).prove(&mut |_| {});
        assert_eq!(summary(&report), "2 rules: 1 proven, 1 broken, 0 not provable");
        assert_eq!(row(&report.rules[0])[..2], ["  proven", "Good"]);
        assert!(row(&report.rules[0])[2].ends_with('m') || row(&report.rules[0])[2].ends_with('s'));
        let lines = reasons(&report.rules[1]);
        assert!(lines[0].starts_with("r.yml:1: Bad: "), "{lines:?}");
        assert_eq!(lines[1], "    vector(1) > 2");
        let mut told = report.rules[0].clone();
        told.receivers = vec!["a".to_owned(), "b".to_owned()];
        told.resolved_receivers = vec!["b".to_owned()];
        assert_eq!(receivers(&told), "a (not of the end), b");
        assert_eq!(short(&"x".repeat(200)).chars().count(), MAX_CHARACTERS + 1);
    }
}
