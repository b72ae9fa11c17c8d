//! `skopos check rules`: reads rule files, says what is wrong or hardly meant, and where.

mod live;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use skopos_rules::lint::{Finding, Lint, LintOptions, LintedFile, LiveData, lint};
use skopos_rules::{QueryLanguage, Reading, RuleFile, UnknownFields, parse_rule_file_as};

use crate::banner::print_line;
use crate::cli::check::{CheckRulesArgs, Lints};
use crate::features::Features;
use live::Server;

/// Names of rule files in folders.
const EXTENSIONS: [&str; 3] = ["yml", "yaml", "rules"];
const FINDINGS: u8 = 3;

/// A file that was read.
struct Read {
    path: String,
    source: String,
    outcome: Result<RuleFile, Vec<String>>,
}

/// Checks every file, prints the outcome, and gives the exit code: 0 fine, 1 broken, 3 findings.
pub(crate) async fn run(args: &CheckRulesArgs) -> anyhow::Result<ExitCode> {
    let options = options(args);
    let reading = Reading {
        syntax: options.syntax,
        language: if args.logql {
            QueryLanguage::LogQl
        } else {
            QueryLanguage::PromQl
        },
        unknown_fields: if args.ignore_unknown_fields {
            UnknownFields::Ignored
        } else {
            UnknownFields::Refused
        },
    };
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(read(path, reading)?);
    }
    let linted: Vec<LintedFile<'_>> = files
        .iter()
        .filter_map(|read| {
            let file = read.outcome.as_ref().ok()?;
            Some(LintedFile {
                file,
                source: &read.source,
            })
        })
        .collect();
    let server = match &args.server {
        Some(url) if asks_server(&options) => {
            let (tenant, http_config) = (args.tenant.as_deref(), args.http_config.as_deref());
            Some(Server::ask(url, tenant, http_config, &linted, options.syntax).await?)
        }
        _ => None,
    };
    let findings = lint(&linted, &options, server.as_ref().map(|server| server as &dyn LiveData));
    if args.json {
        print_line(&json(&files, &findings).to_string());
    } else {
        for read in &files {
            print(read, &findings);
        }
    }
    Ok(if files.iter().any(|read| read.outcome.is_err()) {
        ExitCode::FAILURE
    } else if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FINDINGS)
    })
}

fn options(args: &CheckRulesArgs) -> LintOptions {
    let (features, _) = Features::parse(&args.feature_names);
    let lints = args.lints.iter().flat_map(|lints| match lints {
        Lints::All => Lint::ALL.to_vec(),
        Lints::None => Vec::new(),
        Lints::One(lint) => vec![*lint],
    });
    LintOptions {
        lints: lints.collect(),
        scrape_interval_ms: args.scrape_interval.as_millis() as i64,
        interval_ms: args.evaluation_interval.as_millis() as i64,
        syntax: features.syntax,
    }
}

fn asks_server(options: &LintOptions) -> bool {
    [Lint::UnknownMetric, Lint::UnknownLabel]
        .iter()
        .any(|lint| options.lints.contains(lint))
}

/// Reads a file, or all rule files of a folder: those that could be rule files and hold groups.
fn read(path: &Path, reading: Reading) -> anyhow::Result<Vec<Read>> {
    if !path.is_dir() {
        return Ok(vec![read_file(path, reading)?]);
    }
    let mut files = Vec::new();
    for file in files_below(path)? {
        let read = read_file(&file, reading)?;
        let holds_rules = match &read.outcome {
            Ok(file) => file.rule_count() > 0,
            Err(_) => read.source.lines().any(|line| line.trim_start().starts_with("groups:")),
        };
        if holds_rules {
            files.push(read);
        }
    }
    anyhow::ensure!(!files.is_empty(), "{}: no rule files in this folder", path.display());
    Ok(files)
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("failed to list {}", folder.display()))?
            .path();
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| EXTENSIONS.iter().any(|other| extension == *other))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_file(path: &Path, reading: Reading) -> anyhow::Result<Read> {
    let source = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let path = path.display().to_string();
    let outcome = parse_rule_file_as(&source, &path, reading);
    let outcome = outcome.map_err(|error| error.to_string().lines().map(str::to_owned).collect());
    Ok(Read { path, source, outcome })
}

fn print(read: &Read, findings: &[Finding]) {
    match &read.outcome {
        Ok(file) => {
            print_line(&format!("{}: ok, {} rules found", read.path, file.rule_count()));
            file.warnings
                .iter()
                .filter(|warning| !warning.contains("inconsistency"))
                .for_each(|warning| {
                    print_line(&format!("  warning: {warning}"));
                });
            for finding in findings.iter().filter(|finding| finding.file == read.path) {
                print_line(&format!("  {finding}"));
            }
        }
        Err(errors) => {
            print_line(&format!("{}: broken", read.path));
            for error in errors {
                print_line(&format!("  {error}"));
            }
        }
    }
}

fn json(files: &[Read], findings: &[Finding]) -> serde_json::Value {
    let files: Vec<serde_json::Value> = files
        .iter()
        .map(|read| match &read.outcome {
            Ok(file) => serde_json::json!({
                "path": read.path, "ok": true, "rules": file.rule_count(), "warnings": file.warnings,
            }),
            Err(errors) => serde_json::json!({"path": read.path, "ok": false, "errors": errors}),
        })
        .collect();
    let findings: Vec<serde_json::Value> = findings
        .iter()
        .map(|finding| {
            serde_json::json!({
                "lint": finding.lint.name(), "file": finding.file, "line": finding.place.0, "column": finding.place.1,
                "group": finding.group, "rule": finding.rule, "message": finding.message,
            })
        })
        .collect();
    serde_json::json!({"files": files, "findings": findings})
}
