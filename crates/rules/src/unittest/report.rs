//! What came of tests, as values and as text.

use super::compare::Difference;
use crate::file::Place;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// The test file.
    pub file: String,
    /// Its tests, those that were run.
    pub cases: Vec<CaseReport>,
}

impl TestReport {
    /// Whether all tests hold.
    pub fn is_success(&self) -> bool {
        self.cases.iter().all(|case| case.failures.is_empty())
    }
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Place,
    /// What does not hold.
    pub failures: Vec<TestFailure>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// Where it is asked for.
    pub at: Place,
    /// What it is about: `alertname: X, time: 5m`, `expr: "x", time: 5m`, or what went wrong.
    pub what: String,
    /// What differs; empty where something went wrong.
    pub differences: Vec<Difference>,
    /// All that was expected, a line each, sorted.
    pub expected: Vec<String>,
    /// All that came, a line each, sorted.
    pub got: Vec<String>,
}

impl TestFailure {
    /// Something that went wrong before anything could be compared.
    pub fn error(at: Place, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
            differences: Vec::new(),
            expected: Vec::new(),
            got: Vec::new(),
        }
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub is_coloured: bool,
    /// Whole lines with `-` for expected and `+` for got, instead of parts.
    pub as_diff: bool,
}

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

impl Style {
    fn paint(self, colour: &str, text: &str) -> String {
        if self.is_coloured {
            format!("{colour}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }
}

/// The report of a file as text: `SUCCESS`, or `FAILED` and what does not hold.
pub fn render(report: &TestReport, style: Style) -> String {
    if report.is_success() {
        return style.paint(GREEN, "SUCCESS");
    }
    let mut lines = vec![style.paint(RED, "FAILED:")];
    for case in report.cases.iter().filter(|case| !case.failures.is_empty()) {
        let place = format!("{}:{}", report.file, case.at.0);
        lines.push(format!(
            "  {} ({place})",
            style.paint(BOLD, &format!("name: {}", case.name))
        ));
        for failure in &case.failures {
            lines.push(format!("    {} ({}:{})", failure.what, report.file, failure.at.0));
            if style.as_diff {
                diff(failure, style, &mut lines);
            } else {
                parts(failure, style, &mut lines);
            }
        }
    }
    lines.join("\n")
}

fn diff(failure: &TestFailure, style: Style, lines: &mut Vec<String>) {
    let mut got: Vec<&String> = failure.got.iter().collect();
    let mut same = Vec::new();
    let mut missing = Vec::new();
    for line in &failure.expected {
        match got.iter().position(|other| *other == line) {
            Some(at) => same.push(got.remove(at)),
            None => missing.push(line),
        }
    }
    lines.extend(same.into_iter().map(|line| format!("        {line}")));
    lines.extend(
        missing
            .into_iter()
            .map(|line| style.paint(RED, &format!("      - {line}"))),
    );
    lines.extend(
        got.into_iter()
            .map(|line| style.paint(GREEN, &format!("      + {line}"))),
    );
}

fn parts(failure: &TestFailure, style: Style, lines: &mut Vec<String>) {
    let mut last = None;
    for difference in &failure.differences {
        match difference {
            Difference::Missing(line) => lines.push(format!("      {} {line}", style.paint(RED, "missing:"))),
            Difference::Surplus(line) => lines.push(format!("      {} {line}", style.paint(GREEN, "not expected:"))),
            Difference::Part {
                about,
                part,
                expected,
                got,
            } => {
                if last != Some(about) {
                    lines.push(format!("      {about} differs"));
                }
                last = Some(about);
                let text = |value: &Option<String>| {
                    value
                        .as_ref()
                        .map_or("nothing".to_owned(), |value| format!("{value:?}"))
                };
                lines.push(format!("        {part}"));
                lines.push(format!("          exp: {}", style.paint(RED, &text(expected))));
                lines.push(format!("          got: {}", style.paint(GREEN, &text(got))));
            }
        }
    }
}
