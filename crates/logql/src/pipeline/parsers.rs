//! The stages `regexp` and `pattern`.

use regex::Regex;

use super::{sanitize_label_key, store_extracted};
use crate::labels::EntryLabels;
use crate::pattern::Pattern;

/// `| regexp "(?P<name>…)"`.
#[derive(Debug)]
pub(super) struct RegexpParser {
    regex: Regex,
    /// Group and label.
    names: Vec<(usize, String)>,
}

impl RegexpParser {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let regex = skopos_core::re2::compile(pattern)?;
        let mut names = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            if !skopos_core::labels::is_legacy_label_name(name) {
                return Err(format!("invalid extracted label name '{name}'"));
            }
            names.push((group, name.to_owned()));
        }
        if names.is_empty() {
            return Err("at least one named capture must be supplied".to_owned());
        }
        Ok(Self { regex, names })
    }

    pub(super) fn run(&self, line: &str, labels: &mut EntryLabels) {
        let Some(captures) = self.regex.captures(line) else {
            return;
        };
        for (group, name) in &self.names {
            let value = captures.get(*group).map_or("", |found| found.as_str());
            store_extracted(labels, name.clone(), value);
        }
    }
}

/// `| pattern "<method> <path> <_>"`.
#[derive(Debug)]
pub(super) struct PatternParser {
    pattern: Pattern,
    names: Vec<String>,
}

impl PatternParser {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let pattern = Pattern::for_parser(text)?;
        let names = pattern.names().map(|name| sanitize_label_key(name, true)).collect();
        Ok(Self { pattern, names })
    }

    pub(super) fn run(&self, line: &str, labels: &mut EntryLabels) {
        for (name, value) in self.names.iter().zip(self.pattern.captures(line)) {
            store_extracted(labels, name.clone(), value);
        }
    }
}
