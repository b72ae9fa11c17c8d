//! The projects that are running or have lately ended, bounded in number.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::graph::Graph;
use super::run::Outcome;

/// A project as its owner reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Project {
    #[serde(rename = "project_id")]
    pub(super) id: String,
    pub(super) tenant: String,
    pub(super) workflow: &'static str,
    pub(super) tasks: usize,
    /// `running`, or how it ended.
    pub(super) state: &'static str,
    /// Why it failed, where it did.
    pub(super) reason: Option<String>,
    /// What was brought together, where it succeeded.
    pub(super) result: Vec<String>,
}

/// State of a project that has not ended.
const RUNNING: &str = "running";

#[derive(Debug)]
pub(super) struct Projects {
    max_count: usize,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<String, Project>,
    /// Ids of ended ones, the oldest end first.
    ended: VecDeque<String>,
}

impl Projects {
    pub(super) fn new(max_count: usize) -> Self {
        Self {
            max_count,
            all: Mutex::default(),
        }
    }

    /// Keeps a new project; false where all that are kept are still running.
    pub(super) fn begin(&self, id: &str, tenant: &str, graph: &Graph) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.by_id.len() >= self.max_count {
            let Some(oldest) = all.ended.pop_front() else {
                return false;
            };
            all.by_id.remove(&oldest);
        }
        let project = Project {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            workflow: graph.workflow,
            tasks: graph.tasks.len(),
            state: RUNNING,
            reason: None,
            result: Vec::new(),
        };
        all.by_id.insert(id.to_owned(), project);
        true
    }

    pub(super) fn end(&self, id: &str, outcome: Outcome) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(project) = all.by_id.get_mut(id) {
            project.state = outcome.name;
            project.reason = outcome.reason;
            project.result = outcome.result;
            all.ended.push_back(id.to_owned());
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Project> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.by_id.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::graph::decompose;

    #[test]
    fn ended_projects_make_room_and_running_ones_do_not() {
        let graph = decompose("workflow: build-app\n- a: b").expect("sound");
        let projects = Projects::new(2);
        assert!(projects.begin("1", "acme", &graph) && projects.begin("2", "acme", &graph));
        assert!(!projects.begin("3", "acme", &graph));
        projects.end("2", Outcome::success(Vec::new()));
        assert!(projects.begin("3", "acme", &graph));
        assert!(projects.get("2").is_none());
        assert_eq!(projects.get("1").map(|project| project.state), Some(RUNNING));
    }
}
