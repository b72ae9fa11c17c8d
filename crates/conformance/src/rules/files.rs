//! Suite `rule-files`.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use skopos_rules::parse_rule_file;

use super::{expected, find, read};
use crate::{Outcome, data};

/// Loads every rule file that the tables in `dir` name.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for line in expected(dir)?.into_iter().filter(|line| line.kind == "rule") {
        let result = verdict(dir, &line.file, &line.verdict);
        outcome.record(line.file, result);
    }
    counts(dir, &mut outcome)?;
    for path in find(dir, "template_cases.jsonl")? {
        templates(&path, &mut outcome)?;
    }
    Ok(outcome)
}

fn verdict(dir: &Path, file: &str, expected: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(dir.join(file)).map_err(|error| error.to_string())?;
    match (parse_rule_file(&text, file), expected) {
        (Ok(_), "ok") | (Err(_), "error") => Ok(()),
        (Ok(rules), "lint") if !rules.warnings.is_empty() => Ok(()),
        (Ok(_), "lint") => Err("loads without the duplicate being reported".to_owned()),
        (Ok(_), _) => Err(format!("loads, expected {expected}")),
        (Err(error), _) => Err(error.to_string()),
    }
}

#[derive(Deserialize)]
struct Table {
    files: Vec<Count>,
}

/// What Prometheus makes of a file.
#[derive(Deserialize)]
struct Count {
    file: String,
    valid: bool,
    #[serde(default)]
    rules: usize,
}

fn counts(dir: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let path = dir.join("EXPECT.yaml");
    let Some(text) = data::text(&path)? else {
        return Ok(());
    };
    let table: Table = serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
    for count in table.files {
        let Some(text) = data::text(&dir.join(&count.file))? else {
            continue;
        };
        let result = match (parse_rule_file(&text, &count.file), count.valid) {
            (Ok(file), true) if file.rule_count() == count.rules => Ok(()),
            (Ok(file), true) => Err(format!("{} rules, expected {}", file.rule_count(), count.rules)),
            (Ok(_), false) => Err("loads, expected an error".to_owned()),
            (Err(error), true) => Err(error.to_string()),
            (Err(_), false) => Ok(()),
        };
        outcome.record(count.file, result);
    }
    Ok(())
}

#[derive(Deserialize)]
struct Template {
    yaml: String,
    ok: bool,
}

fn templates(path: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let name = format!(
            "{}:{}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            number + 1
        );
        let case: Template = serde_json::from_str(line).with_context(|| name.clone())?;
        let result = match (parse_rule_file(&case.yaml, &name), case.ok) {
            (Ok(_), true) | (Err(_), false) => Ok(()),
            (Ok(_), false) => Err("loads, expected an error".to_owned()),
            (Err(error), true) => Err(error.to_string()),
        };
        outcome.record(name, result);
    }
    Ok(())
}
