//! Checks that no crate imports a crate of an upper floor. The floors are those of
//! ARCHITECTURE.md; a new crate must be given one here.

use std::path::Path;

use anyhow::Context as _;

/// Floor of each crate; equal floors may import each other only where [`SAME_FLOOR`] says so.
const FLOORS: &[(&str, u8)] = &[
    ("core", 0),
    ("pii", 0),
    ("log-macros", 0),
    ("wire", 1),
    ("prometheus-tsdb", 1),
    ("config", 1),
    ("host", 1),
    ("state", 1),
    ("storage", 1),
    ("template", 1),
    ("http-client", 2),
    ("relabel", 2),
    ("metrics", 2),
    ("logs", 2),
    ("traces", 2),
    ("promql", 3),
    ("logql", 3),
    ("rules", 3),
    ("alertmanager", 3),
    ("notify", 3),
    ("incidents", 3),
    ("prove", 3),
    ("discovery", 3),
    ("scrape", 3),
    ("remote-write", 3),
    ("dashboards", 3),
    ("bus", 3),
    ("web", 3),
    ("server", 4),
    ("skopos", 5),
    ("conformance", 6),
];

/// Crates that live beside the house: what they may import of it.
const BESIDE: &[(&str, &[&str])] = &[
    ("sdk", &["pii", "log-macros"]),
    ("fleet-frame", &["sdk", "bus"]),
    // Its node exporter is the crate that Skopos itself uses: one set of names, not two.
    ("fleet-infra", &["fleet-frame", "bus", "host", "log-macros"]),
    ("fleet-dawsos", FLEET),
    ("fleet-arbitrage", FLEET),
    ("fleet-recommender", FLEET),
    ("fleet-somaagent", FLEET),
    ("fleet-somaagent01", FLEET),
    ("fleet-testing", &["fleet-frame"]),
    (
        "fleet",
        &[
            "fleet-frame",
            "fleet-infra",
            "fleet-somaagent",
            "fleet-somaagent01",
            "fleet-arbitrage",
            "fleet-recommender",
            "fleet-dawsos",
        ],
    ),
];

/// What a system of the fleet may import.
const FLEET: &[&str] = &["fleet-frame", "sdk", "bus"];

/// Edges between crates of one floor that the design allows.
const SAME_FLOOR: &[(&str, &str)] = &[
    ("wire", "prometheus-tsdb"),
    ("rules", "promql"),
    ("rules", "logql"),
    ("scrape", "discovery"),
    ("notify", "alertmanager"),
    ("incidents", "alertmanager"),
    ("prove", "promql"),
    ("prove", "logql"),
    ("prove", "rules"),
    ("prove", "alertmanager"),
    ("prove", "notify"),
    ("prove", "dashboards"),
];

/// All edges that break the floors.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let crates = root.join("crates");
    for entry in std::fs::read_dir(&crates).with_context(|| format!("failed to list {}", crates.display()))? {
        let path = entry?.path();
        let manifest = path.join("Cargo.toml");
        let text =
            std::fs::read_to_string(&manifest).with_context(|| format!("failed to read {}", manifest.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for dependency in house_dependencies(&text) {
            if !is_allowed(&name, &dependency) {
                findings.push(format!(
                    "{}: {name} must not depend on {dependency}",
                    manifest.display()
                ));
            }
        }
    }
    Ok(findings)
}

/// Our crates among the `[dependencies]` of a manifest. Development dependencies are free.
fn house_dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && let Some(rest) = line.strip_prefix("skopos-")
        {
            found.push(rest.split([' ', '=', '.']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

fn is_allowed(from: &str, to: &str) -> bool {
    if let Some((_, allowed)) = BESIDE.iter().find(|(name, _)| *name == from) {
        return allowed.contains(&to);
    }
    match (floor(from), floor(to)) {
        (Some(from_floor), Some(to_floor)) => to_floor < from_floor || SAME_FLOOR.contains(&(from, to)),
        (Some(from_floor), None) => from_floor >= 5,
        (None, _) => false,
    }
}

fn floor(name: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(candidate, _)| *candidate == name)
        .map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_real_dependencies() {
        let manifest = "[dependencies]\nskopos-core = { workspace = true }\nserde = \"1\"\n[dev-dependencies]\nskopos-server.workspace = true\n";
        assert_eq!(house_dependencies(manifest), ["core"]);
    }

    #[test]
    fn upper_floors_are_refused() {
        assert!(is_allowed("metrics", "storage"));
        assert!(!is_allowed("storage", "metrics"));
        assert!(is_allowed("rules", "promql"));
        assert!(!is_allowed("promql", "rules"));
        assert!(!is_allowed("sdk", "core"));
        assert!(is_allowed("skopos", "fleet"));
        assert!(!is_allowed("server", "fleet"));
        assert!(!is_allowed("unlisted", "core"));
    }
}
