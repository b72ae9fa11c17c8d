//! Applies relabelling rules to label sets (`model/relabel` in Prometheus): those of scraping, of alerts
//! and of remote write alike.

use md5::{Digest, Md5};
use regex::Regex;
use skopos_config::{RelabelAction, RelabelConfig};
use skopos_core::LabelsBuilder;
use skopos_core::matcher::{MatcherError, anchored_regex};

/// Rules, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct Relabeler {
    rules: Vec<Rule>,
}

/// What became of a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays, possibly changed.
    Keep,
    /// A rule drops it.
    Drop,
}

#[derive(Debug, Clone)]
struct Rule {
    config: RelabelConfig,
    regex: Regex,
}

impl Relabeler {
    /// Compiles rules. Those of a checked configuration always compile.
    pub fn new(rules: &[RelabelConfig]) -> Result<Self, MatcherError> {
        let rules = rules.iter().map(|config| {
            Ok(Rule {
                regex: anchored_regex(&config.regex)?,
                config: config.clone(),
            })
        });
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Applies the rules in order until one drops.
    pub fn apply(&self, labels: &mut LabelsBuilder) -> Verdict {
        for rule in &self.rules {
            if rule.apply(labels) == Verdict::Drop {
                return Verdict::Drop;
            }
        }
        Verdict::Keep
    }
}

impl Rule {
    fn apply(&self, labels: &mut LabelsBuilder) -> Verdict {
        let target = &self.config.target_label;
        match self.config.action {
            RelabelAction::Drop => return verdict(!self.regex.is_match(&self.source(labels))),
            RelabelAction::Keep => return verdict(self.regex.is_match(&self.source(labels))),
            RelabelAction::DropEqual => return verdict(labels.get(target) != self.source(labels)),
            RelabelAction::KeepEqual => return verdict(labels.get(target) == self.source(labels)),
            RelabelAction::Replace => self.replace(labels),
            RelabelAction::Lowercase => {
                let value = self.source(labels).to_lowercase();
                labels.set(target, &value);
            }
            RelabelAction::Uppercase => {
                let value = self.source(labels).to_uppercase();
                labels.set(target, &value);
            }
            RelabelAction::HashMod => {
                let value = hash_modulo(&self.source(labels), self.config.modulus).to_string();
                labels.set(target, &value);
            }
            RelabelAction::LabelMap => self.map(labels),
            RelabelAction::LabelDrop => {
                labels.retain(|name| !self.regex.is_match(name));
            }
            RelabelAction::LabelKeep => {
                labels.retain(|name| self.regex.is_match(name));
            }
        }
        Verdict::Keep
    }

    fn source(&self, labels: &LabelsBuilder) -> String {
        let mut joined = String::new();
        for (index, name) in self.config.source_labels.iter().enumerate() {
            if index > 0 {
                joined.push_str(&self.config.separator);
            }
            joined.push_str(labels.get(name));
        }
        joined
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let source = self.source(labels);
        let Some(captures) = self.regex.captures(&source) else {
            return;
        };
        let mut target = String::new();
        captures.expand(&self.config.target_label, &mut target);
        if target.is_empty() {
            return;
        }
        let mut value = String::new();
        captures.expand(&self.config.replacement, &mut value);
        labels.set(&target, &value);
    }

    fn map(&self, labels: &mut LabelsBuilder) {
        let mut copies = Vec::new();
        for (name, value) in labels.iter() {
            if let Some(captures) = self.regex.captures(name) {
                let mut copy = String::new();
                captures.expand(&self.config.replacement, &mut copy);
                copies.push((copy, value.to_owned()));
            }
        }
        for (name, value) in copies {
            labels.set(&name, &value);
        }
    }
}

fn verdict(keep: bool) -> Verdict {
    if keep { Verdict::Keep } else { Verdict::Drop }
}

/// The last eight bytes of the MD5, big endian, modulo `modulus`.
fn hash_modulo(text: &str, modulus: u64) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    let last: [u8; 8] = std::array::from_fn(|index| digest[8 + index]);
    u64::from_be_bytes(last) % modulus.max(1)
}
