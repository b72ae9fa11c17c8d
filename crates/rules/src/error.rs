//! What can be wrong with a rule file.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// Line in the file, from 1; 0 where it is not known.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// Group, number of the rule in it (from 1) and name of the rule, where one rule is concerned.
    pub rule: Option<(String, usize, String)>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if let Some((group, number, name)) = &self.rule {
            write!(f, "group {group:?}, rule {number}, {name:?}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// A rule file that is refused, with everything that is wrong in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleFileError {
    /// The file.
    pub file: String,
    /// What is wrong; never empty.
    pub problems: Vec<RuleProblem>,
}

/// One line a problem: `file:line:column: message`.
impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            let separator = if problem.line > 0 { ":" } else { ": " };
            write!(f, "{}{separator}{problem}", self.file)?;
        }
        Ok(())
    }
}
