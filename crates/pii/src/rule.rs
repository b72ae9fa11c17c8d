//! Rules: what a rule looks for and what becomes of what it finds, as written in a configuration and as carried out.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::builtin;
use crate::chunks::Chunks;
use crate::detect::{self, Pattern};

/// Levels of rules that name rules; a circle ends here.
const MAX_ALIASES: usize = 16;
/// Bytes that a compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// What is put in place of a find.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Redaction {
    /// As [`Redaction::Remove`].
    #[default]
    Default,
    /// Nothing.
    Remove,
    /// A text.
    Replace {
        /// The text.
        #[serde(default = "filtered")]
        text: String,
    },
    /// An asterisk for each character.
    Mask,
    /// HMAC-SHA1 with an empty key, in capital hex: equal finds stay equal.
    Hash,
}

fn filtered() -> String {
    "[Filtered]".to_owned()
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RuleType {
    /// A regular expression.
    #[serde(rename_all = "camelCase")]
    Pattern {
        /// In the syntax of the crate `regex`.
        pattern: String,
        /// Groups that are redacted; all of the match without.
        #[serde(default)]
        replace_groups: Option<Vec<usize>>,
    },
    /// IMEI of a phone.
    Imei,
    /// MAC address.
    Mac,
    /// UUID.
    Uuid,
    /// E-mail address.
    Email,
    /// IP address of version 4 or 6.
    Ip,
    /// Number of a payment card.
    Creditcard,
    /// International bank account number.
    Iban,
    /// User name in the path of a home folder.
    Userpath,
    /// Body of a PEM key.
    Pemkey,
    /// User and password in a URL.
    UrlAuth,
    /// Password alone in a URL.
    #[serde(rename = "url_auth_legacy")]
    UrlPassword,
    /// Social security number of the United States.
    UsSsn,
    /// Values of keys that speak of passwords, and texts that do.
    Password,
    /// Values of keys that match, and texts that match.
    #[serde(rename_all = "camelCase")]
    RedactPair {
        /// In the syntax of the crate `regex`.
        key_pattern: String,
    },
    /// Any value.
    Anything,
    /// Several rules.
    #[serde(rename_all = "camelCase")]
    Multiple {
        /// Their names.
        rules: Vec<String>,
        /// Whether remarks name this rule rather than those.
        #[serde(default)]
        hide_inner: bool,
    },
    /// Another rule.
    #[serde(rename_all = "camelCase")]
    Alias {
        /// Its name.
        rule: String,
        /// Whether remarks name this rule rather than that.
        #[serde(default)]
        hide_inner: bool,
    },
}

/// A rule of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// What it looks for.
    #[serde(flatten)]
    pub kind: RuleType,
    /// What becomes of it.
    #[serde(default)]
    pub redaction: Redaction,
}

/// A rule that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No rule of that name.
    #[error("rule {0:?} is neither in `rules` nor built in; define it or correct its name")]
    Unknown(String),
    /// A regular expression that cannot be read.
    #[error("rule {rule:?}: {reason}")]
    Pattern {
        /// The rule.
        rule: String,
        /// What is wrong with the expression.
        reason: String,
    },
    /// Rules that name one another.
    #[error("rule {0:?} leads to itself, or names rules too many levels deep")]
    Circle(String),
}

/// A rule ready to work.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The name that remarks bear.
    pub(crate) id: String,
    finder: Finder,
    pub(crate) redaction: Redaction,
}

#[derive(Debug, Clone)]
enum Finder {
    Anything,
    Key(Regex),
    Text(Pattern),
}

impl Rule {
    /// Whether the rule is for a value of any type under this key.
    pub(crate) fn is_for(&self, key: &str) -> bool {
        match &self.finder {
            Finder::Anything => true,
            Finder::Key(regex) => regex.is_match(key),
            Finder::Text(_) => false,
        }
    }

    /// Works on a text. False says that the value has to go as a whole.
    pub(crate) fn redact(&self, key: &str, text: &mut Chunks) -> bool {
        let concerns_all = match &self.finder {
            Finder::Anything => true,
            // A text that says `null` holds no secret; clients write it for what is not there.
            Finder::Key(regex) => {
                let now = text.text();
                (regex.is_match(key) && now != "null") || regex.is_match(&now)
            }
            Finder::Text(pattern) => {
                text.redact_matches(
                    &pattern.regex,
                    &pattern.groups,
                    pattern.accepts,
                    &self.id,
                    &self.redaction,
                );
                return true;
            }
        };
        if concerns_all && matches!(self.redaction, Redaction::Default | Redaction::Remove) {
            return false;
        }
        if concerns_all {
            text.redact_all(&self.id, &self.redaction);
        }
        true
    }
}

/// Finds rules by name, in a configuration and among the built-in ones.
pub(crate) fn resolve(id: &str, specs: &BTreeMap<String, RuleSpec>, rules: &mut Vec<Rule>) -> Result<(), RuleError> {
    resolve_as(id, None, specs, rules, 0)
}

fn resolve_as(
    id: &str,
    shown: Option<&str>,
    specs: &BTreeMap<String, RuleSpec>,
    rules: &mut Vec<Rule>,
    depth: usize,
) -> Result<(), RuleError> {
    if depth > MAX_ALIASES {
        return Err(RuleError::Circle(id.to_owned()));
    }
    let built_in;
    let spec = if let Some(spec) = specs.get(id) {
        spec
    } else {
        built_in = builtin::rule(id).ok_or_else(|| RuleError::Unknown(id.to_owned()))?;
        &built_in
    };
    let name = shown.unwrap_or(id);
    let (inner, hides) = match &spec.kind {
        RuleType::Multiple { rules, hide_inner } => (rules.as_slice(), *hide_inner),
        RuleType::Alias { rule, hide_inner } => (std::slice::from_ref(rule), *hide_inner),
        kind => {
            rules.push(Rule {
                id: name.to_owned(),
                finder: finder(id, kind)?,
                redaction: spec.redaction.clone(),
            });
            return Ok(());
        }
    };
    for rule in inner {
        let shown = shown.or(hides.then_some(name));
        resolve_as(rule, shown, specs, rules, depth + 1)?;
    }
    Ok(())
}

fn finder(id: &str, kind: &RuleType) -> Result<Finder, RuleError> {
    let compile = |pattern: &str| {
        let built = regex::RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
        built.map_err(|error| RuleError::Pattern {
            rule: id.to_owned(),
            reason: error.to_string(),
        })
    };
    Ok(match kind {
        RuleType::Pattern {
            pattern,
            replace_groups,
        } => Finder::Text(Pattern {
            regex: compile(pattern)?,
            groups: replace_groups.clone().unwrap_or_else(|| vec![0]),
            accepts: detect::always,
        }),
        RuleType::RedactPair { key_pattern } => Finder::Key(compile(key_pattern)?),
        RuleType::Password => Finder::Key(detect::password_key()),
        RuleType::Anything => Finder::Anything,
        kind => match detect::pattern(kind) {
            Some(pattern) => Finder::Text(pattern),
            None => return Err(RuleError::Unknown(id.to_owned())),
        },
    })
}
