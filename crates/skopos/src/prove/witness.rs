//! Witnesses as unit tests: for each rule that fires a rule file and a test file that promtool and `skopos test rules`
//! run.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context as _;
use skopos_prove::{Report, witness_as_promtool_test};

/// Writes the witnesses into a folder, which is made where it does not exist.
pub(super) fn write_all(folder: &Path, report: &Report) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder {}", folder.display()))?;
    let mut taken = HashSet::new();
    for rule in &report.rules {
        let name = free_name(&rule.name, &mut taken);
        let rule_file = format!("{name}.rules.yml");
        if let Some(test) = witness_as_promtool_test(rule, &rule_file) {
            write(&folder.join(&rule_file), &test.rules)?;
            write(&folder.join(format!("{name}.test.yml")), &test.test)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// The alert's name as the name of a file; rules that share it are numbered.
fn free_name(alert: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_') {
            c
        } else {
            '_'
        }
    };
    let base: String = alert.chars().map(plain).collect();
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_plain_and_differ() {
        let mut taken = HashSet::new();
        let names = ["A/b c", "A b c", "a_b_c", "../x"].map(|alert| free_name(alert, &mut taken));
        assert_eq!(names, ["A_b_c", "A_b_c-2", "a_b_c-3", "___x"]);
    }
}
