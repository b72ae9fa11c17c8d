//! The packs of this project: every alert is proven, arrives, and fires in promtool.

use std::path::{Path, PathBuf};

use skopos_alertmanager::{Config, LoadOptions, Notification};
use skopos_prove::{Chain, Message, ProveOptions, Prover, Report, RuleReport, Sandbox, Verdict};
use skopos_rules::parse_rule_file;

use crate::promtool::refused_by_promtool;
use crate::real::read;

/// Takes every notification.
#[derive(Debug)]
pub(crate) struct Mailbox;

impl Sandbox for Mailbox {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        Ok(Message {
            title: notification.group_key.clone(),
            text: notification.receiver.clone(),
            payload: String::new(),
        })
    }
}

fn packs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut packs: Vec<PathBuf> = paths.filter(|path| path.join("alerts.yml").is_file()).collect();
    packs.sort();
    packs
}

fn proven(pack: &Path) -> Report {
    let paths = ["recording_rules.yml", "alerts.yml"].map(|name| pack.join(name));
    let files: Vec<_> = paths
        .iter()
        .filter(|path| path.is_file())
        .map(|path| parse_rule_file(&read(path), &path.display().to_string()).expect("the rules are valid"))
        .collect();
    let prover = Prover::new(&files, ProveOptions::default());
    let mut report = prover.prove(&mut |_| {});
    let path = pack.join("alertmanager.yml");
    let config = Config::parse(&read(&path), &LoadOptions::for_path(&path)).expect("the configuration is valid");
    Chain::new(&config, &Mailbox).follow(&prover, &mut report);
    report
}

#[test]
fn every_alert_of_every_pack_is_proven() {
    let packs = packs();
    assert_eq!(packs.len(), 5);
    let mut wrong = Vec::new();
    for pack in &packs {
        let report = proven(pack);
        println!("{}: {:?}", pack.display(), report.counts);
        let unproven = report.rules.iter().filter(|rule| rule.verdict != Verdict::Proven);
        wrong.extend(unproven.map(|rule| format!("{}: {}: {:?} {:?}", pack.display(), rule.name, rule.link, rule.why)));
        wrong.extend(report.findings.iter().cloned());
        let rules: Vec<&RuleReport> = report.rules.iter().filter(|rule| !rule.witness.is_empty()).collect();
        wrong.extend(refused_by_promtool(&rules));
        let untold = report
            .rules
            .iter()
            .filter(|rule| rule.receivers.is_empty() || rule.message.is_none());
        wrong.extend(untold.map(|rule| format!("{}: {}: nobody is told", pack.display(), rule.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
