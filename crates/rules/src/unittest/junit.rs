//! Reports as JUnit XML, for CI.

use super::report::{CaseReport, Style, TestFailure, TestReport, render};

/// All reports as one document: a suite a file, a case a test.
pub fn junit(reports: &[TestReport]) -> String {
    let mut lines = vec![
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(),
        "<testsuites>".to_owned(),
    ];
    for report in reports {
        let failed = report.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let (file, count) = (escape(&report.file), report.cases.len());
        lines.push(format!(
            "  <testsuite name=\"{file}\" tests=\"{count}\" failures=\"{failed}\" errors=\"0\">"
        ));
        report.cases.iter().for_each(|case| push_case(&mut lines, report, case));
        lines.push("  </testsuite>".to_owned());
    }
    lines.push("</testsuites>\n".to_owned());
    lines.join("\n")
}

fn push_case(lines: &mut Vec<String>, report: &TestReport, case: &CaseReport) {
    let (file, name, line) = (escape(&report.file), escape(&case.name), case.at.0);
    let start = format!("    <testcase name=\"{name}\" classname=\"{file}\" line=\"{line}\"");
    if case.failures.is_empty() {
        lines.push(format!("{start}/>"));
        return;
    }
    lines.push(format!("{start}>"));
    for failure in &case.failures {
        let (what, body) = (escape(&failure.what), escape(&body(report, failure)));
        lines.push(format!("      <failure message=\"{what}\">{body}</failure>"));
    }
    lines.push("    </testcase>".to_owned());
}

/// What is said of a failure on a terminal, without the name of its test.
fn body(report: &TestReport, failure: &TestFailure) -> String {
    let alone = TestReport {
        file: report.file.clone(),
        cases: vec![CaseReport {
            name: String::new(),
            at: failure.at,
            failures: vec![failure.clone()],
        }],
    };
    let text = render(&alone, Style::default());
    text.lines().skip(2).collect::<Vec<_>>().join("\n")
}

/// Text for XML; characters that XML does not have are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
