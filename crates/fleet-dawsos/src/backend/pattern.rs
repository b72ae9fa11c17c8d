//! Patterns: lists of steps, each a capability of an agent whose output later steps can use.

use std::collections::BTreeSet;

use serde::Deserialize;
use skopos_fleet_frame::FleetError;

const FILE: &str = "patterns.json";
const SHIPPED: &str = include_str!("../../assets/patterns.json");

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Step {
    pub(super) agent: String,
    pub(super) capability: String,
    /// Name of its output among those of the pattern.
    pub(super) output: String,
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Pattern {
    pub(super) pattern_id: String,
    pub(super) steps: Vec<Step>,
}

/// All patterns.
#[derive(Debug, Clone)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Those that ship with the service.
    pub(super) fn shipped() -> Result<Self, FleetError> {
        let patterns = serde_json::from_str(SHIPPED);
        patterns.map(Self).map_err(|error| FleetError::Asset {
            file: FILE,
            reason: error.to_string(),
        })
    }

    pub(super) fn get(&self, pattern_id: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.pattern_id == pattern_id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Agents and capabilities that occur, each once.
    pub(super) fn capabilities(&self) -> BTreeSet<(&str, &str)> {
        let steps = self.0.iter().flat_map(|pattern| &pattern.steps);
        steps
            .map(|step| (step.agent.as_str(), step.capability.as_str()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_names_a_capability_of_its_agent() {
        let patterns = Patterns::shipped().expect("the asset is sound");
        assert_eq!(patterns.iter().count(), 5);
        for pattern in patterns.iter() {
            assert!(!pattern.steps.is_empty());
            for step in &pattern.steps {
                assert_eq!(
                    step.capability.split_once('.').map(|(agent, _)| agent),
                    Some(step.agent.as_str())
                );
            }
        }
        assert_eq!(patterns.capabilities().len(), 7);
        assert!(patterns.get("unheard_of").is_none());
    }
}
