//! The task graph of a project: each item goes through the stages of the workflow, and all ends in one integration.

use std::collections::HashMap;

use serde::Serialize;

use super::project::{self, Item, Project, ProjectError};

/// The stage that joins everything.
const INTEGRATE: &str = "integrate";

/// Tasks in an order in which each comes after what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) workflow: &'static str,
    pub(super) tasks: Vec<Task>,
}

/// One task for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) stage: &'static str,
    /// What is to be done, as the agent is told.
    pub(super) goal: String,
    /// Positions of the tasks that come first; each is lower than its own.
    pub(super) after: Vec<usize>,
}

/// Parses a project and makes its graph.
pub(super) fn decompose(text: &str) -> Result<Graph, ProjectError> {
    let project = project::parse(text)?;
    let mut tasks: Vec<Task> = Vec::new();
    // Position of the last task of each item.
    let mut last: HashMap<&str, usize> = HashMap::new();
    for item in in_order(&project.items)? {
        let mut after: Vec<usize> = item.after.iter().map(|name| last[name]).collect();
        for stage in project.stages {
            let position = tasks.len();
            tasks.push(Task {
                name: format!("{stage} {}", item.name),
                stage,
                goal: format!("{stage} {}", item.about),
                after: std::mem::replace(&mut after, vec![position]),
            });
        }
        last.insert(item.name, tasks.len() - 1);
    }
    tasks.push(integration(&project, &last));
    Ok(Graph {
        workflow: project.workflow,
        tasks,
    })
}

/// Waits for every item that no other waits for.
fn integration(project: &Project<'_>, last: &HashMap<&str, usize>) -> Task {
    let is_awaited = |name: &str| project.items.iter().any(|item| item.after.contains(&name));
    let ends = project.items.iter().filter(|item| !is_awaited(item.name));
    let abouts: Vec<&str> = project.items.iter().map(|item| item.about).collect();
    let mut after: Vec<usize> = ends.map(|item| last[item.name]).collect();
    after.sort_unstable();
    Task {
        name: INTEGRATE.to_owned(),
        stage: INTEGRATE,
        goal: format!(
            "integrate the parts of the project {}: {}",
            project.title,
            abouts.join(", ")
        ),
        after,
    }
}

/// Items so that each comes after those that it waits for (Kahn, 1962), otherwise as they were written.
fn in_order<'p, 'a>(items: &'p [Item<'a>]) -> Result<Vec<&'p Item<'a>>, ProjectError> {
    let mut left: Vec<&Item<'_>> = items.iter().collect();
    let mut ordered: Vec<&Item<'_>> = Vec::new();
    while !left.is_empty() {
        let is_placed = |name: &&str| ordered.iter().any(|item| item.name == *name);
        let Some(ready) = left.iter().position(|item| item.after.iter().all(&is_placed)) else {
            let names: Vec<&str> = left.iter().map(|item| item.name).collect();
            return Err(ProjectError::Circle(names.join(", ")));
        };
        ordered.push(left.remove(ready));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "workflow: build-app\n# Shop\n- pages: report pages (after import)\n- import: orders\n- login: tokens\n";

    #[test]
    fn every_task_comes_after_what_it_waits_for() {
        let graph = decompose(TEXT).expect("sound");
        assert_eq!(graph.tasks.len(), 3 * 3 + 1);
        for (position, task) in graph.tasks.iter().enumerate() {
            assert!(task.after.iter().all(|before| *before < position), "{task:?}");
        }
        let find = |name: &str| graph.tasks.iter().position(|task| task.name == name).expect(name);
        assert_eq!(graph.tasks[find("design pages")].after, [find("check import")]);
        assert_eq!(graph.tasks[find("build login")].after, [find("design login")]);
        let last = graph.tasks.last().expect("integration");
        assert_eq!(last.after, [find("check pages"), find("check login")]);
    }

    #[test]
    fn a_circle_is_refused_with_its_members() {
        let error = decompose("workflow: build-app\n- a: x (after b)\n- b: y (after a)\n- c: z").expect_err("a circle");
        assert_eq!(error, ProjectError::Circle("a, b".to_owned()));
    }
}
