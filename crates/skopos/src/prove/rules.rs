//! What is to be proven: the rules of packs and files, cut down to the alerts that are asked for.

use std::path::Path;

use anyhow::{Context as _, bail};
use regex::Regex;
use skopos_core::Labels;
use skopos_core::matcher::anchored_regex;
use skopos_prove::{ProveOptions, Prover};
use skopos_rules::{RuleFile, RuleKind, parse_rule_file_with};

use crate::cli::prove::ProveArgs;
use crate::features::Features;
use crate::node::sources::Sources;
use crate::node::sources::alerting::LoadedAlerting;

/// Rules and the settings that they are evaluated with.
#[derive(Debug)]
pub(super) struct Subject {
    files: Vec<RuleFile>,
    options: ProveOptions,
    /// Where alerts go.
    pub(super) alerting: LoadedAlerting,
}

/// Reads everything that the arguments name.
pub(super) fn load(args: &ProveArgs) -> anyhow::Result<Subject> {
    let (features, unknown) = Features::parse(&args.feature_names);
    if let Some(name) = unknown.first() {
        bail!("--enable-feature={name}: there is no such feature");
    }
    let sources = Sources {
        packs: args.packs.clone(),
        feature_names: args.feature_names.clone(),
        alertmanager_file: args.alertmanager.clone(),
        ..Sources::default()
    };
    let loaded = sources.load()?;
    let global = &loaded.config.global;
    let options = ProveOptions {
        interval_ms: global.evaluation_interval.as_millis() as i64,
        external_labels: Labels::from_pairs(&global.external_labels),
        ..ProveOptions::default()
    };
    let mut files = loaded.rules;
    for path in &args.rules {
        files.push(read(path, features)?);
    }
    if let Some(pattern) = &args.only {
        let only = anchored_regex(pattern).with_context(|| format!("--only {pattern:?}"))?;
        for file in &mut files {
            keep_only(file, &only);
        }
    }
    Ok(Subject {
        files,
        options,
        alerting: loaded.alerting,
    })
}

fn read(path: &Path, features: Features) -> anyhow::Result<RuleFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(parse_rule_file_with(
        &text,
        &path.display().to_string(),
        features.syntax,
    )?)
}

/// Takes out the alerts that are not asked for. Recording rules stay: alerts may build on them.
fn keep_only(file: &mut RuleFile, only: &Regex) {
    for group in &mut file.groups {
        group
            .rules
            .retain(|rule| rule.kind == RuleKind::Recording || only.is_match(&rule.name));
    }
}

impl Subject {
    /// The prover of these rules.
    pub(super) fn prover(&self) -> Prover {
        Prover::new(&self.files, self.options.clone())
    }

    /// Where the server that would run them is reached.
    pub(super) fn external_url(&self) -> &str {
        &self.options.external_url
    }
}
