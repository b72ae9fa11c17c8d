//! The rules that every configuration has: `@email`, `@ip:hash` and so on, and `@common` with those that are on by default.

use crate::rule::{Redaction, RuleSpec, RuleType};

/// What the default set consists of.
const COMMON: &[&str] = &[
    "@creditcard:filter",
    "@iban:filter",
    "@pemkey:filter",
    "@urlauth:legacy",
    "@userpath:filter",
    "@password:filter",
    "@usssn:filter",
];

/// The built-in rule of that name. A name is `@kind` or `@kind:redaction`.
pub(crate) fn rule(id: &str) -> Option<RuleSpec> {
    let name = id.strip_prefix('@')?;
    let Some((kind, redaction)) = name.split_once(':') else {
        let usual = usual_redaction(name)?;
        return Some(spec(RuleType::Alias {
            rule: format!("@{name}:{usual}"),
            hide_inner: name != "common",
        }));
    };
    if kind == "common" {
        let rules = COMMON.iter().map(|rule| (*rule).to_owned()).collect();
        return (redaction == "filter").then(|| {
            spec(RuleType::Multiple {
                rules,
                hide_inner: false,
            })
        });
    }
    if (kind, redaction) == ("urlauth", "legacy") {
        let redaction = replace("[Filtered]");
        return Some(RuleSpec {
            kind: RuleType::UrlPassword,
            redaction,
        });
    }
    let (kind, placeholder) = kind_of(kind)?;
    let redaction = match redaction {
        "remove" => Redaction::Remove,
        "replace" => replace(placeholder),
        "filter" => replace("[Filtered]"),
        "mask" => Redaction::Mask,
        "hash" => Redaction::Hash,
        _ => return None,
    };
    Some(RuleSpec { kind, redaction })
}

fn spec(kind: RuleType) -> RuleSpec {
    RuleSpec {
        kind,
        redaction: Redaction::Default,
    }
}

fn replace(text: &str) -> Redaction {
    Redaction::Replace { text: text.to_owned() }
}

fn usual_redaction(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "common" => "filter",
        "mac" | "uuid" | "usssn" => "mask",
        "password" => "remove",
        "anything" | "ip" | "imei" | "email" | "creditcard" | "iban" | "pemkey" | "urlauth" | "userpath" => "replace",
        _ => return None,
    })
}

/// The type of a kind, and what replaces its finds.
fn kind_of(kind: &str) -> Option<(RuleType, &'static str)> {
    Some(match kind {
        "anything" => (RuleType::Anything, "[Filtered]"),
        "ip" => (RuleType::Ip, "[ip]"),
        "imei" => (RuleType::Imei, "[imei]"),
        "mac" => (RuleType::Mac, "[mac]"),
        "uuid" => (RuleType::Uuid, "[uuid]"),
        "email" => (RuleType::Email, "[email]"),
        "creditcard" => (RuleType::Creditcard, "[creditcard]"),
        "iban" => (RuleType::Iban, "[iban]"),
        "pemkey" => (RuleType::Pemkey, "[pemkey]"),
        "urlauth" => (RuleType::UrlAuth, "[auth]"),
        "usssn" => (RuleType::UsSsn, "[us-ssn]"),
        "userpath" => (RuleType::Userpath, "[user]"),
        "password" => (RuleType::Password, "[password]"),
        _ => return None,
    })
}
