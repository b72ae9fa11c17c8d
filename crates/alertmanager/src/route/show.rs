//! The tree as text, as `amtool config routes show` prints it.

use std::fmt;

use super::{Route, RouteTree};
use crate::config::GroupBy;

impl fmt::Display for RouteTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(".\n")?;
        self.write_branch(f, self.root(), "", true)
    }
}

impl RouteTree {
    fn write_branch(&self, f: &mut fmt::Formatter<'_>, route: &Route, indent: &str, is_last: bool) -> fmt::Result {
        let edge = if is_last { "└── " } else { "├── " };
        writeln!(f, "{indent}{edge}{}", summary(route))?;
        let below = if is_last { "    " } else { "│\u{a0}\u{a0} " };
        let indent = format!("{indent}{below}");
        for (position, child) in route.children.iter().enumerate() {
            let is_last = position + 1 == route.children.len();
            self.write_branch(f, self.route(*child), &indent, is_last)?;
        }
        Ok(())
    }
}

fn summary(route: &Route) -> String {
    let mut parts = vec![if route.matchers.is_empty() {
        "default-route".to_owned()
    } else {
        route.matchers.to_string()
    }];
    if route.continue_matching {
        parts.push("continue: true".to_owned());
    }
    parts.push(format!("receiver: {}", route.receiver));
    match &route.group_by {
        GroupBy::Labels(names) if !names.is_empty() => parts.push(format!("grouping: [{}]", names.join(","))),
        GroupBy::All => parts.push("grouping: [...]".to_owned()),
        GroupBy::Labels(_) => {}
    }
    parts.join("  ")
}
