//! The policy file: who may do what, which tools a tenant may use, how many tokens it may spend. Takes `now`, has no clock.

use std::collections::BTreeMap;

use serde::Deserialize;

use skopos_fleet_frame::FleetError;

const FILE: &str = "policy.yaml";
const TEXT: &str = include_str!("../assets/policy.yaml");
/// Matches every role, action or tenant.
const ANY: &str = "*";

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    rules: Vec<Rule>,
    tools: BTreeMap<String, Vec<String>>,
    pub(crate) budgets: Budgets,
}

/// Token budgets.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budgets {
    pub(crate) window_seconds: u32,
    pub(crate) tokens: BTreeMap<String, u64>,
    /// Share of the tenant's tokens, from 0 to 1.
    pub(crate) personas: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    effect: Effect,
    roles: Vec<String>,
    actions: Vec<String>,
    tenants: Vec<String>,
    when: Option<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    /// Characters.
    MessageLongerThan(usize),
    /// First hour and the hour after the last, UTC.
    OutsideHoursUtc([i8; 2]),
    RegionIs(String),
}

/// What is asked of the policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) role: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) action: &'a str,
    /// Characters of the message, where there is one.
    pub(crate) message_chars: Option<usize>,
    /// Hour of the day, UTC.
    pub(crate) hour: i8,
}

/// The answer, with the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow {
        rule: String,
    },
    Deny {
        rule: String,
    },
    /// A rule could not be evaluated; to be treated as a denial.
    Error {
        rule: String,
        reason: String,
    },
}

impl Policy {
    /// The file that ships with the fleet.
    pub(crate) fn shipped() -> Result<Self, FleetError> {
        serde_saphyr::from_str(TEXT).map_err(|error| FleetError::Asset {
            file: FILE,
            reason: error.to_string(),
        })
    }

    /// The first matching rule decides.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Decision {
        for rule in self.rules.iter().filter(|rule| rule.concerns(question)) {
            let holds = rule
                .when
                .as_ref()
                .map_or(Ok(true), |condition| condition.holds(question));
            let rule_name = rule.name.clone();
            match (holds, rule.effect) {
                (Err(reason), _) => {
                    return Decision::Error {
                        rule: rule_name,
                        reason,
                    };
                }
                (Ok(false), _) => {}
                (Ok(true), Effect::Allow) => return Decision::Allow { rule: rule_name },
                (Ok(true), Effect::Deny) => return Decision::Deny { rule: rule_name },
            }
        }
        Decision::Deny {
            rule: "default".to_owned(),
        }
    }

    /// Whether the tenant may use the tool.
    pub(crate) fn allows_tool(&self, tenant: &str, tool: &str) -> bool {
        self.tools
            .get(tenant)
            .is_some_and(|tools| tools.iter().any(|name| name == tool))
    }

    /// The tenants that the file knows.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }
}

impl Rule {
    fn concerns(&self, question: &Question<'_>) -> bool {
        let lists = |list: &[String], value: &str| list.iter().any(|entry| entry == ANY || entry == value);
        lists(&self.roles, question.role)
            && lists(&self.actions, question.action)
            && lists(&self.tenants, question.tenant)
    }
}

impl Condition {
    fn holds(&self, question: &Question<'_>) -> Result<bool, String> {
        match self {
            Self::MessageLongerThan(limit) => question
                .message_chars
                .map(|chars| chars > *limit)
                .ok_or_else(|| "the request carries no message".to_owned()),
            Self::OutsideHoursUtc([from, until]) => Ok(!(*from..*until).contains(&question.hour)),
            Self::RegionIs(region) => question
                .region
                .map(|actual| actual == region)
                .ok_or_else(|| "the token names no region".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(role: &str, action: &str, change: impl FnOnce(&mut Question<'_>)) -> Decision {
        let mut question = Question {
            role,
            tenant: "acme",
            region: None,
            action,
            message_chars: Some(10),
            hour: 12,
        };
        change(&mut question);
        Policy::shipped().expect("the shipped file reads").decide(&question)
    }

    fn deny(rule: &str) -> Decision {
        Decision::Deny { rule: rule.to_owned() }
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let everyday = Decision::Allow {
            rule: "everyday-work".to_owned(),
        };
        assert_eq!(ask("agent", "message.send", |_| {}), everyday);
        assert_eq!(
            ask("agent", "message.send", |q| q.message_chars = Some(4001)),
            deny("oversized-messages")
        );
        assert_eq!(ask("reader", "message.send", |_| {}), deny("readers-only-read"));
        assert_eq!(ask("reader", "session.read", |_| {}), everyday);
        assert_eq!(ask("agent", "session.read", |q| q.tenant = "umbrella"), deny("default"));
        assert_eq!(ask("agent", "session.delete", |_| {}), deny("default"));
    }

    #[test]
    fn hours_end_before_the_last() {
        for (hour, allowed) in [(6, false), (7, true), (17, true), (18, false)] {
            let decision = ask("contractor", "message.send", |q| q.hour = hour);
            assert_eq!(
                matches!(decision, Decision::Allow { .. }),
                allowed,
                "{hour}: {decision:?}"
            );
        }
    }

    #[test]
    fn a_rule_without_its_facts_is_an_error() {
        assert!(matches!(ask("auditor", "session.read", |_| {}), Decision::Error { .. }));
        assert!(matches!(
            ask("auditor", "session.read", |q| q.region = Some("eu")),
            Decision::Allow { .. }
        ));
        assert_eq!(
            ask("auditor", "session.read", |q| q.region = Some("us")),
            deny("default")
        );
    }

    #[test]
    fn tools_are_listed_by_tenant() {
        let policy = Policy::shipped().expect("the shipped file reads");
        assert!(policy.allows_tool("acme", "hash"));
        assert!(!policy.allows_tool("tinyshop", "hash"));
        assert!(!policy.allows_tool("umbrella", "calculator"));
        for tools in policy.tools.values() {
            assert!(tools.iter().all(|tool| crate::tools::NAMES.contains(&tool.as_str())));
        }
    }
}
