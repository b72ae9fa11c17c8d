//! Tests of reading who is told: several packs in one process.

use super::*;

fn pack(folder: &Path, label: &str, receiver: &str) -> RuleFile {
    std::fs::create_dir_all(folder).expect("a folder");
    let config = format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}}}]\n");
    std::fs::write(folder.join(FILE), config).expect("written");
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - {{alert: A, expr: up == 0, labels: {{system: {label}, severity: warning}}}}\n  \
         - {{alert: B, expr: up == 0, labels: {{system: {label}, severity: critical}}}}\n"
    );
    skopos_rules::parse_rule_file(&rules, "alerts.yml").expect("valid")
}

#[test]
fn packs_keep_their_own_receivers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let (first, second) = (pack(&one, "one", "mail"), pack(&two, "two", "mail"));
    let packs = [
        PackRules {
            folder: &one,
            rules: std::slice::from_ref(&first),
        },
        PackRules {
            folder: &two,
            rules: std::slice::from_ref(&second),
        },
    ];
    let loaded = load(None, None, &packs).expect("valid");
    let names: Vec<&str> = loaded
        .config
        .receivers
        .iter()
        .map(|receiver| receiver.name.as_str())
        .collect();
    assert_eq!(names, ["unrouted", "one/mail", "two/mail"]);
    let alone = load(None, None, &packs[..1]).expect("valid");
    assert!(
        alone.config.receiver("mail").is_some(),
        "names stay as they are written"
    );
}

#[test]
fn packs_that_cannot_be_told_apart_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let (first, second) = (pack(&one, "same", "mail"), pack(&two, "same", "mail"));
    let packs = [
        PackRules {
            folder: &one,
            rules: std::slice::from_ref(&first),
        },
        PackRules {
            folder: &two,
            rules: std::slice::from_ref(&second),
        },
    ];
    let error = load(None, None, &packs).expect_err("refused");
    assert!(error.to_string().contains("system: two"), "{error}");
}

#[test]
fn an_escalation_to_nobody_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = pack(folder.path(), "one", "mail");
    let text = "escalations: [{name: e, steps: [{after: 5m, receiver: male}]}]";
    std::fs::write(folder.path().join(INCIDENTS_FILE), text).expect("written");
    let packs = [PackRules {
        folder: folder.path(),
        rules: std::slice::from_ref(&rules),
    }];
    let error = load(None, None, &packs).expect_err("refused");
    assert!(error.to_string().contains("there are: mail"), "{error}");
}
