//! `skopos check alertmanager FILE --route …`: who is told of an alert, as `amtool config routes test` answers it.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use skopos_alertmanager::RouteTree;
use skopos_alertmanager::route::Route;
use skopos_core::Labels;

use crate::banner::print_line;
use crate::cli::check::CheckAlertmanagerArgs;
use crate::node::sources::alerting::read;
use crate::query::api::show_duration_ms;

/// Prints the receivers of each file, and how the alert comes to them.
pub(super) fn run(args: &CheckAlertmanagerArgs) -> anyhow::Result<ExitCode> {
    let labels = Labels::from_pairs(args.route.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut is_as_expected = true;
    let mut shown = Vec::new();
    for path in &args.files {
        let tree = RouteTree::new(&read(path)?);
        let reached: Vec<&Route> = tree.matches(&labels).into_iter().map(|id| tree.route(id)).collect();
        let receivers: Vec<&str> = reached.iter().map(|route| route.receiver.as_str()).collect();
        is_as_expected &= args.verify_receivers.is_empty() || args.verify_receivers == receivers;
        if args.json {
            shown.push(file_json(path, &tree, &reached, &labels));
        } else {
            print_line(&receivers.join(","));
            for route in &reached {
                print_line(&line(path, &tree, route, &labels));
            }
            if !is_as_expected {
                let expected = args.verify_receivers.join(",");
                print_line(&format!("WARNING: expected receivers did not match: {expected}"));
            }
        }
    }
    if args.json {
        print_line(&Value::from(shown).to_string());
    }
    Ok(if is_as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The matchers from the root down to a route.
fn way(tree: &RouteTree, route: &Route) -> Vec<String> {
    let mut way = route
        .parent
        .map_or_else(Vec::new, |parent| way(tree, tree.route(parent)));
    way.push(route.matchers.to_string());
    way
}

fn line(path: &Path, tree: &RouteTree, route: &Route, labels: &Labels) -> String {
    format!(
        "  {}:{}: {} to {}, grouped as {}, waits {}, then {}, repeats after {}",
        path.display(),
        route.position.line,
        way(tree, route).join(" > "),
        route.receiver,
        route.group_labels(labels),
        show_duration_ms(route.group_wait_ms),
        show_duration_ms(route.group_interval_ms),
        show_duration_ms(route.repeat_interval_ms),
    )
}

fn file_json(path: &Path, tree: &RouteTree, reached: &[&Route], labels: &Labels) -> Value {
    let routes = reached.iter().map(|route| {
        json!({
            "receiver": route.receiver,
            "line": route.position.line,
            "way": way(tree, route),
            "groupKey": route.group_key(&route.group_labels(labels)),
            "groupWaitMs": route.group_wait_ms,
            "groupIntervalMs": route.group_interval_ms,
            "repeatIntervalMs": route.repeat_interval_ms,
        })
    });
    let receivers: Vec<&str> = reached.iter().map(|route| route.receiver.as_str()).collect();
    json!({
        "path": path.display().to_string(),
        "receivers": receivers,
        "routes": routes.collect::<Vec<_>>(),
    })
}
