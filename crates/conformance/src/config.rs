//! Configurations of Prometheus: which load, which are refused and in which words, and the values
//! that hold after loading.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use skopos_config::{LoadOptions, Mode, PrometheusConfig};

use crate::{Outcome, data};

#[derive(Deserialize)]
struct Semantics {
    file: String,
    effective: BTreeMap<String, Value>,
}

/// The verdicts of files; without it their names tell.
const EXPECTED: &str = "expected.tsv";

/// Runs all cases of `expected.tsv` and `semantics.jsonl` in `dir`, and the HTTP client blocks. Cases of
/// files that are not there are left out.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let expected = match data::text(&dir.join(EXPECTED))? {
        Some(expected) => expected,
        None => named_verdicts(dir)?,
    };
    for line in expected.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, mode) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let (verdict, words) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        if let Some(loaded) = load(dir, file, mode)? {
            outcome.record(file, check_verdict(&loaded, verdict, words));
        }
    }
    let semantics = data::text(&dir.join("semantics.jsonl"))?.unwrap_or_default();
    for line in semantics.lines() {
        let case: Semantics = serde_json::from_str(line).context("semantics.jsonl")?;
        if let Some(loaded) = load(dir, &case.file, mode(&case.file))? {
            outcome.record(
                format!("{} (values)", case.file),
                check_values(&loaded, &case.effective),
            );
        }
    }
    http_client(&dir.join("http_client"), &mut outcome)?;
    Ok(outcome)
}

type Loaded = Result<PrometheusConfig, String>;

/// The table of a folder that has none: `.good.yml` must load and `.bad.yml` must not.
fn named_verdicts(dir: &Path) -> anyhow::Result<String> {
    let mut table = String::from("file\tmode\tverdict\n");
    for path in data::files(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let verdict = match name.strip_suffix(".yml").unwrap_or_default().rsplit('.').next() {
            Some("good") => "ok",
            Some("bad") => "error",
            _ => continue,
        };
        let mode = mode(&name);
        writeln!(table, "{name}\t{mode}\t{verdict}")?;
    }
    Ok(table)
}

/// The mode that a file's name speaks of.
fn mode(file: &str) -> &'static str {
    if file.starts_with("agent") { "agent" } else { "server" }
}

/// `None` where there is no such file.
fn load(dir: &Path, file: &str, mode: &str) -> anyhow::Result<Option<Loaded>> {
    let path = dir.join(file);
    let text = data::text(&path)?;
    Ok(text.map(|text| parse(&text, &path, mode)))
}

fn parse(text: &str, path: &Path, mode: &str) -> Loaded {
    let options = LoadOptions {
        mode: if mode == "agent" { Mode::Agent } else { Mode::Server },
        environment: &|_| None,
    };
    PrometheusConfig::parse_with(text, path, &options).map_err(|error| error.to_string())
}

fn check_verdict(loaded: &Loaded, verdict: &str, words: &str) -> Result<(), String> {
    match (loaded, verdict) {
        (Ok(_), "ok") => Ok(()),
        (Ok(_), _) => Err(format!("should be refused: {words}")),
        (Err(error), "ok") => Err(format!("should load, we say: {error}")),
        (Err(error), _) if error.contains(without_place(words)) => Ok(()),
        (Err(error), _) => Err(format!("should be refused with {words:?}, we say: {error}")),
    }
}

/// Upstream's errors begin with the file as its test knew it; ours name file, line and column.
fn without_place(words: &str) -> &str {
    match words
        .strip_prefix("parsing YAML file ")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((_, words)) => words,
        None => words,
    }
}

fn check_values(loaded: &Loaded, effective: &BTreeMap<String, Value>) -> Result<(), String> {
    let config = loaded.as_ref().map_err(Clone::clone)?;
    let shown = with_defaults(config);
    for (path, wanted) in effective {
        let pointer = format!("/{}", path.replace('.', "/"));
        let got = shown.pointer(&pointer);
        if got != Some(wanted) {
            return Err(format!("{path} should be {wanted}, is {got:?}"));
        }
    }
    Ok(())
}

/// The configuration as a tree, with the sections that are only shown when written.
fn with_defaults(config: &PrometheusConfig) -> Value {
    let mut config = config.clone();
    config.otlp.get_or_insert_default();
    serde_json::to_value(&config).unwrap_or_default()
}

/// Each block is the HTTP client of a job; a name with `bad` or one of the known ones is refused.
fn http_client(dir: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for path in data::files(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let block = std::fs::read_to_string(&path)?;
        let result = check_http_block(&name, &block, &path);
        outcome.record(format!("http_client/{name}"), result);
    }
    Ok(())
}

fn check_http_block(name: &str, block: &str, path: &Path) -> Result<(), String> {
    let text = if name.starts_with("tls_config") {
        format!(
            "scrape_configs:\n  - job_name: a\n    tls_config:\n{}",
            indented(block, "      ")
        )
    } else if path.extension().is_some_and(|extension| extension == "json") {
        let inner = block.trim().trim_start_matches('{').trim_end_matches('}');
        format!("{{\"scrape_configs\": [{{\"job_name\": \"a\", {inner} }}]}}")
    } else {
        format!("scrape_configs:\n  - job_name: a\n{}", indented(block, "    "))
    };
    // Secret references need a secret manager; a bearer token file alone is only read later.
    let is_bad = (name.contains(".bad") || name.contains(".ref.")) && !name.contains("invalid-bearer-token-file");
    match (parse(&text, path, "server"), is_bad) {
        (Ok(_), false) | (Err(_), true) => Ok(()),
        (Ok(_), true) => Err("should be refused".to_owned()),
        (Err(error), false) => Err(format!("should load, we say: {error}")),
    }
}

fn indented(block: &str, indent: &str) -> String {
    block.lines().flat_map(|line| [indent, line, "\n"]).collect()
}
