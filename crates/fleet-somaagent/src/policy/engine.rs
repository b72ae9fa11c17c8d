//! The Rego interpreter over the shipped policies: a question in, a decision out.

use std::sync::{Mutex, PoisonError};

use regorus::{Engine, Value};
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::FleetError;

const FILE: &str = "policy.rego";
const TEXT: &str = include_str!("../../assets/policy.rego");
const CONFLICT_FILE: &str = "policy_conflict.rego";
const CONFLICT_TEXT: &str = include_str!("../../assets/policy_conflict.rego");
/// The rule that says all.
const DECISION: &str = "data.somaagent.authz.decision";

/// What is asked: who wants to do what, with the facts that rules may look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) role: String,
    pub(crate) tenant: String,
    pub(crate) action: String,
    /// Of an agent's task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    /// Of a purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price_cents: Option<i64>,
    /// Of a project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<usize>,
}

/// The decision, with what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) allow: bool,
    pub(crate) reasons: Vec<String>,
}

/// The policies contradict themselves or do not fit the question.
#[derive(Debug, thiserror::Error)]
#[error("the policy cannot be evaluated: {0}")]
pub(crate) struct PolicyError(String);

/// Loaded policies.
#[derive(Debug)]
pub(crate) struct Rules(Mutex<Engine>);

impl Rules {
    /// The policies that ship with the fleet.
    pub(crate) fn shipped() -> Result<Self, FleetError> {
        Self::load(&[(FILE, TEXT)])
    }

    /// The same with a release on top that contradicts them.
    pub(crate) fn conflicting() -> Result<Self, FleetError> {
        Self::load(&[(FILE, TEXT), (CONFLICT_FILE, CONFLICT_TEXT)])
    }

    fn load(files: &[(&'static str, &str)]) -> Result<Self, FleetError> {
        let mut engine = Engine::new();
        for (file, text) in files {
            engine
                .add_policy((*file).to_owned(), (*text).to_owned())
                .map_err(|error| FleetError::Asset {
                    file,
                    reason: error.to_string(),
                })?;
        }
        Ok(Self(Mutex::new(engine)))
    }

    /// Evaluates the policies for one question. A fraction of a millisecond of CPU.
    pub(crate) fn decide(&self, question: &Question) -> Result<Answer, PolicyError> {
        let failed = |reason: String| PolicyError(reason);
        let input = serde_json::to_string(question).map_err(|error| failed(error.to_string()))?;
        let input = Value::from_json_str(&input).map_err(|error| failed(error.to_string()))?;
        let mut engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engine.set_input(input);
        let decision = engine
            .eval_rule(DECISION.to_owned())
            .map_err(|error| failed(error.to_string()))?;
        let json = decision.to_json_str().map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&json).map_err(|error| failed(error.to_string()))
    }

    /// Names of the packages.
    pub(crate) fn packages(&self) -> Vec<String> {
        let engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engine.get_packages().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(role: &str, tenant: &str, action: &str) -> Question {
        Question {
            role: role.to_owned(),
            tenant: tenant.to_owned(),
            action: action.to_owned(),
            ..Question::default()
        }
    }

    fn purchase(tenant: &str, price_cents: i64) -> Question {
        Question {
            price_cents: Some(price_cents),
            ..question("buyer", tenant, "marketplace.buy")
        }
    }

    fn is_allowed(question: &Question) -> bool {
        let rules = Rules::shipped().expect("the shipped policy loads");
        let answer = rules.decide(question).expect("the shipped policy is sound");
        assert_eq!(answer.allow, answer.reasons.is_empty());
        answer.allow
    }

    #[test]
    fn a_role_may_do_what_it_is_granted() {
        assert!(is_allowed(&question("builder", "acme", "project.create")));
        assert!(!is_allowed(&question("analyst", "acme", "project.create")));
        assert!(!is_allowed(&question("stranger", "acme", "project.create")));
    }

    #[test]
    fn limits_are_inclusive() {
        assert!(is_allowed(&purchase("acme", 20_000)));
        assert!(!is_allowed(&purchase("acme", 20_001)));
        let project = |items| Question {
            items: Some(items),
            ..question("builder", "acme", "project.create")
        };
        assert!(is_allowed(&project(15)));
        assert!(!is_allowed(&project(16)));
    }

    #[test]
    fn agents_of_small_tenants_have_few_stages() {
        let stage = |tenant: &str, stage: &str| Question {
            stage: Some(stage.to_owned()),
            ..question("agent", tenant, "agent.run")
        };
        assert!(is_allowed(&stage("acme", "build")));
        assert!(is_allowed(&stage("tinyshop", "write")));
        assert!(!is_allowed(&stage("tinyshop", "build")));
    }

    #[test]
    fn the_conflict_concerns_small_tenants_alone() {
        let rules = Rules::conflicting().expect("each file is sound");
        assert!(rules.decide(&purchase("acme", 900)).expect("one limit").allow);
        assert!(
            rules
                .decide(&question("builder", "acme", "project.create"))
                .expect("no limit")
                .allow
        );
        let error = rules.decide(&purchase("tinyshop", 900)).expect_err("two limits");
        assert!(error.to_string().contains("cannot be evaluated"), "{error}");
    }
}
