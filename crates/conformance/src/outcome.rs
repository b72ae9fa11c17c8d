//! What came of running a suite.

use std::fmt;

/// A case that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where the case is: file and line, or file and id.
    pub case: String,
    /// What was expected and what came.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAIL {}: {}", self.case, self.detail)
    }
}

/// Passed and failed cases of a suite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Number of cases that held.
    pub passed: usize,
    /// The cases that did not.
    pub failures: Vec<Failure>,
}

impl Outcome {
    /// Counts one case.
    pub fn record(&mut self, case: impl Into<String>, result: Result<(), String>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(detail) => self.failures.push(Failure {
                case: case.into(),
                detail,
            }),
        }
    }

    /// Adds the cases of another outcome.
    pub fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }

    /// Whether all cases held, and there was at least one.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failures.is_empty() && self.passed > 0
    }
}

/// The closing line that programs read: `N passed, N failed`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}
