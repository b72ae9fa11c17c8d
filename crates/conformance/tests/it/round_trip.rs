//! What is printed parses to the same tree: over rules that people publish, those of our packs, and
//! random expressions. The suite `promql` does the same for each of its own expressions.

use std::path::{Path, PathBuf};

use skopos_conformance::promql::generate::{Dialect, Generator};
use skopos_conformance::promql::round_trip::check;
use skopos_rules::parse_rule_file;

/// Fewest expressions that the folders hold; less means that data was lost.
const LEAST_RULES: usize = 1500;

#[test]
fn rules_of_others_and_our_own() {
    let shared = skopos_conformance::shared_dir();
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let mut files = Vec::new();
    for folder in [shared.join("real/rules"), shared.join("conformance/rules"), packs] {
        collect(&folder, &mut files);
    }
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("the file is readable");
        // Files that are not rule files, or not valid ones, belong to other tests.
        let Ok(file) = parse_rule_file(&text, &path.display().to_string()) else {
            continue;
        };
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            count += 1;
            failures.extend(check(&rule.expr).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= LEAST_RULES, "only {count} rules were found");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|name| name == "yml" || name == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn random_expressions() {
    for (seed, dialect) in [(1, Dialect::Complete), (2, Dialect::Prometheus242)] {
        let mut generator = Generator::new(seed, dialect, 1_700_000_010);
        for _ in 0..3000 {
            let text = generator.expression();
            check(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
    }
}
