//! Reports as JUnit XML, for CI.

use std::fmt::Write as _;

use super::report::{Style, TestFailure, TestReport, render};

/// All reports as one document: a suite a file, a case a test.
pub fn junit(reports: &[TestReport]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let failed = report.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\">",
            escape(&report.file),
            report.cases.len()
        );
        for case in &report.cases {
            let _ = write!(
                xml,
                "    <testcase name=\"{}\" classname=\"{}\" line=\"{}\"",
                escape(&case.name),
                escape(&report.file),
                case.at.0
            );
            if case.failures.is_empty() {
                xml.push_str("/>\n");
                continue;
            }
            xml.push_str(">\n");
            case.failures
                .iter()
                .for_each(|failure| push_failure(&mut xml, report, failure));
            xml.push_str("    </testcase>\n");
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn push_failure(xml: &mut String, report: &TestReport, failure: &TestFailure) {
    let alone = TestReport {
        file: report.file.clone(),
        cases: vec![super::CaseReport {
            name: String::new(),
            at: failure.at,
            failures: vec![failure.clone()],
        }],
    };
    let text = render(&alone, Style::default());
    let body = text.lines().skip(2).collect::<Vec<_>>().join("\n");
    let _ = writeln!(
        xml,
        "      <failure message=\"{}\">{}</failure>",
        escape(&failure.what),
        escape(&body)
    );
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
