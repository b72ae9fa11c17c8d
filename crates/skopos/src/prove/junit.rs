//! The report as JUnit XML: a suite for each group, a case for each rule. Broken rules are failures, those that are
//! not provable are skipped.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use skopos_prove::{Report, RuleReport, Verdict};

/// Writes the report to a file.
pub(super) fn write(path: &Path, report: &Report) -> anyhow::Result<()> {
    std::fs::write(path, document(report)).with_context(|| format!("failed to write {}", path.display()))
}

fn document(report: &Report) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    push(
        &mut text,
        format_args!(
            "<testsuites name=\"skopos prove\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
            report.rules.len() + report.findings.len(),
            report.counts.broken + report.findings.len(),
            report.counts.not_provable
        ),
    );
    for rules in report.rules.chunk_by(|a, b| (&a.file, &a.group) == (&b.file, &b.group)) {
        suite(&mut text, rules);
    }
    findings(&mut text, &report.findings);
    text.push_str("</testsuites>\n");
    text
}

/// What is wrong beside single rules, as failures of a suite of their own.
fn findings(text: &mut String, findings: &[String]) {
    if findings.is_empty() {
        return;
    }
    let count = findings.len();
    push(
        text,
        format_args!(
            "  <testsuite name=\"findings\" tests=\"{count}\" failures=\"{count}\" errors=\"0\" skipped=\"0\">\n"
        ),
    );
    for finding in findings {
        let finding = escape(finding);
        push(
            text,
            format_args!(
                "    <testcase name=\"{finding}\" classname=\"findings\">\n      <failure message=\"{finding}\"/>\n    \
                 </testcase>\n"
            ),
        );
    }
    text.push_str("  </testsuite>\n");
}

fn suite(text: &mut String, rules: &[RuleReport]) {
    let Some(first) = rules.first() else {
        return;
    };
    let count = |verdict: Verdict| rules.iter().filter(|rule| rule.verdict == verdict).count();
    let name = escape(&format!("{}: {}", first.file, first.group));
    push(
        text,
        format_args!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
            rules.len(),
            count(Verdict::Broken),
            count(Verdict::NotProvable)
        ),
    );
    for rule in rules {
        case(text, rule);
    }
    text.push_str("  </testsuite>\n");
}

fn case(text: &mut String, rule: &RuleReport) {
    let (name, class) = (escape(&rule.name), escape(&rule.group));
    let place = format!(
        "name=\"{name}\" classname=\"{class}\" file=\"{}\" line=\"{}\"",
        escape(&rule.file),
        rule.line
    );
    let why = escape(rule.why.as_deref().unwrap_or_default());
    match rule.verdict {
        Verdict::Proven => push(text, format_args!("    <testcase {place}/>\n")),
        Verdict::Broken => push(
            text,
            format_args!(
                "    <testcase {place}>\n      <failure message=\"{why}\">{}</failure>\n    </testcase>\n",
                escape(&rule.expr)
            ),
        ),
        Verdict::NotProvable => push(
            text,
            format_args!("    <testcase {place}>\n      <skipped message=\"{why}\"/>\n    </testcase>\n"),
        ),
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a text does not fail");
}

/// Text for XML; characters that it must not hold are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use skopos_prove::{ProveOptions, Prover};

    use super::*;

    #[test]
    fn findings_are_a_suite_of_failures() {
        let mut report = Report::default();
        report
            .findings
            .push("a.yml:1: no route names the receiver <x>".to_owned());
        let xml = document(&report);
        assert!(xml.contains("tests=\"1\" failures=\"1\" skipped=\"0\">"), "{xml}");
        assert!(
            xml.contains("<failure message=\"a.yml:1: no route names the receiver &lt;x&gt;\"/>"),
            "{xml}"
        );
    }

    #[test]
    fn broken_rules_are_failures() {
        let text =
            "groups: [{name: 'a<b', rules: [{alert: Good, expr: up == 0}, {alert: Bad, expr: '\"x\" == bool 1 > 2'}]}]";
        let text = text.replace("'\"x\" == bool 1 > 2'", "vector(1) > 2");
        let file = skopos_rules::parse_rule_file(&text, "r.yml").expect("the file is valid");
        let report = Prover::new(&[file], ProveOptions::default()).prove(&mut |_| {});
        let xml = document(&report);
        assert!(
            xml.contains("<testsuite name=\"r.yml: a&lt;b\" tests=\"2\" failures=\"1\""),
            "{xml}"
        );
        assert!(
            xml.contains("<testcase name=\"Good\"") && xml.contains("<failure message="),
            "{xml}"
        );
        assert!(xml.contains("vector(1) &gt; 2"), "{xml}");
        assert_eq!(escape("a\u{1}\n"), "a&#10;");
    }
}
