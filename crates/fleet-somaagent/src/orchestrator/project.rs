//! The text of a project: a workflow, a title, and items that may wait for one another.

use std::collections::BTreeSet;

/// Workflows with the stages that each item goes through.
pub(crate) const WORKFLOWS: [(&str, &[&str]); 3] = [
    ("build-app", &["design", "build", "check"]),
    ("research-report", &["gather", "outline", "write", "review"]),
    ("migrate-data", &["inventory", "move", "check"]),
];
/// Bounds of a text.
const MAX_CHARS: usize = 8_000;
const MAX_ITEMS: usize = 20;

/// A project as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project<'a> {
    pub(super) workflow: &'static str,
    pub(super) stages: &'static [&'static str],
    pub(super) title: &'a str,
    pub(super) items: Vec<Item<'a>>,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) about: &'a str,
    /// Names of items that come first.
    pub(super) after: Vec<&'a str>,
}

/// Why a text is no project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProjectError {
    #[error("the project is longer than {MAX_CHARS} characters or has more than {MAX_ITEMS} items")]
    TooLarge,
    #[error("there is no workflow {0:?}; those that exist are build-app, research-report and migrate-data")]
    Workflow(String),
    #[error("the project has no items")]
    Empty,
    #[error("two items are called {0:?}")]
    Twice(String),
    #[error("{item:?} waits for {after:?}, which is no item of the project")]
    Unknown { item: String, after: String },
    #[error("items wait for one another in a circle: {0}")]
    Circle(String),
}

/// Reads `workflow: NAME`, a title, and items `- name: about (after one, other)`.
pub(super) fn parse(text: &str) -> Result<Project<'_>, ProjectError> {
    let mut workflow = "";
    let mut title = "";
    let mut items = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("workflow:") {
            workflow = name.trim();
        } else if let Some(item) = line.strip_prefix("- ") {
            items.push(parse_item(item));
        } else if title.is_empty() {
            title = line.trim_start_matches('#').trim();
        }
    }
    if text.chars().count() > MAX_CHARS || items.len() > MAX_ITEMS {
        return Err(ProjectError::TooLarge);
    }
    let (workflow, stages) = *WORKFLOWS
        .iter()
        .find(|(name, _)| *name == workflow)
        .ok_or_else(|| ProjectError::Workflow(workflow.to_owned()))?;
    if items.is_empty() {
        return Err(ProjectError::Empty);
    }
    check_names(&items)?;
    Ok(Project {
        workflow,
        stages,
        title,
        items,
    })
}

fn parse_item(line: &str) -> Item<'_> {
    let (line, after) = match line.strip_suffix(')').and_then(|line| line.rsplit_once("(after ")) {
        Some((line, after)) => (line, after.split(',').map(str::trim).collect()),
        None => (line, Vec::new()),
    };
    let (name, about) = line.split_once(':').unwrap_or((line, line));
    Item {
        name: name.trim(),
        about: about.trim(),
        after,
    }
}

fn check_names(items: &[Item<'_>]) -> Result<(), ProjectError> {
    let mut names = BTreeSet::new();
    for item in items {
        if !names.insert(item.name) {
            return Err(ProjectError::Twice(item.name.to_owned()));
        }
    }
    for item in items {
        if let Some(after) = item.after.iter().find(|name| !names.contains(**name)) {
            return Err(ProjectError::Unknown {
                item: item.name.to_owned(),
                after: (*after).to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_read() {
        let project =
            parse("workflow: build-app\n# A harbour guide\n- tides: the tide table\n- pages: a page (after tides)\n")
                .expect("a sound project");
        assert_eq!((project.workflow, project.title), ("build-app", "A harbour guide"));
        assert_eq!(project.items[0].about, "the tide table");
        assert_eq!(project.items[1].after, ["tides"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("- a: b", "no workflow \"\""),
            ("workflow: dance\n- a: b", "\"dance\""),
            ("workflow: build-app\ntitle", "no items"),
            ("workflow: build-app\n- a: b\n- a: c", "two items"),
            ("workflow: build-app\n- a: b (after c)", "\"c\""),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
        let many = "- a: x\n".repeat(21);
        assert_eq!(
            parse(&format!("workflow: build-app\n{many}")),
            Err(ProjectError::TooLarge)
        );
    }
}
