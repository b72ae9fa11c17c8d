//! Rule files written by others: accepted or refused as Prometheus does, with as many rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use skopos_rules::parse_rule_file;

fn shared(path: &str) -> PathBuf {
    let root = std::env::var("SKOPOS_SHARED").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    assert!(path.exists(), "{} is missing; set SKOPOS_SHARED", path.display());
    path
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn conformance_files() {
    let root = shared("conformance/rules");
    let table = read(&root.join("expected.tsv"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[1] != "rule" {
            continue;
        }
        count += 1;
        let result = parse_rule_file(&read(&root.join(fields[0])), fields[0]);
        let verdict = match &result {
            Err(_) => "error",
            Ok(file) if fields[2] == "lint" && !file.warnings.is_empty() => "lint",
            Ok(_) => "ok",
        };
        if verdict != fields[2] {
            let error = result.err().map(|error| error.to_string());
            wrong.push(format!("{}: {verdict}, expected {}: {error:?}", fields[0], fields[2]));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 70, "{count}");
}

#[test]
fn template_cases() {
    #[derive(Deserialize)]
    struct Case {
        yaml: String,
        ok: bool,
    }
    for line in read(&shared("conformance/rules/upstream/template_cases.jsonl")).lines() {
        let case: Case = serde_json::from_str(line).expect("the case is JSON");
        assert_eq!(parse_rule_file(&case.yaml, "case").is_ok(), case.ok, "{}", case.yaml);
    }
}

#[test]
fn real_files() {
    #[derive(Deserialize)]
    struct Expected {
        files: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        file: String,
        valid: bool,
        rules: usize,
    }
    let root = shared("real/rules");
    let expected: Expected = serde_saphyr::from_str(&read(&root.join("EXPECT.yaml"))).expect("the table is valid");
    let mut wrong = BTreeMap::new();
    for case in expected.files {
        match (parse_rule_file(&read(&root.join(&case.file)), &case.file), case.valid) {
            (Ok(file), true) if file.rule_count() == case.rules => {}
            (Err(_), false) => {}
            (Ok(file), _) => {
                let said = format!(
                    "{} rules, expected {} (valid: {})",
                    file.rule_count(),
                    case.rules,
                    case.valid
                );
                wrong.insert(case.file, said);
            }
            (Err(error), _) => {
                wrong.insert(case.file, error.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
