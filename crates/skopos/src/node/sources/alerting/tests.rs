//! Tests of reading who is told: several packs in one process.

use skopos_core::Labels;

use super::*;

/// A pack in a folder of its own.
struct Pack {
    folder: PathBuf,
    rules: RuleFile,
}

/// A pack whose alerts all bear `system: LABEL` and go to `receiver`.
fn pack(folder: &Path, label: &str, receiver: &str) -> Pack {
    std::fs::create_dir_all(folder).expect("a folder");
    let config = format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}}}]\n");
    std::fs::write(folder.join(FILE), config).expect("written");
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - {{alert: A, expr: up == 0, labels: {{system: {label}, severity: warning}}}}\n  \
         - {{alert: B, expr: up == 0, labels: {{system: {label}, severity: critical}}}}\n"
    );
    Pack {
        folder: folder.to_owned(),
        rules: skopos_rules::parse_rule_file(&rules, "alerts.yml").expect("valid"),
    }
}

/// Two packs below a folder with these labels, and a receiver `mail` each.
fn two(folder: &Path, labels: [&str; 2]) -> [Pack; 2] {
    [
        pack(&folder.join("one"), labels[0], "mail"),
        pack(&folder.join("two"), labels[1], "mail"),
    ]
}

fn load_packs(packs: &[Pack]) -> anyhow::Result<LoadedAlerting> {
    let packs: Vec<PackRules<'_>> = packs
        .iter()
        .map(|pack| PackRules {
            folder: &pack.folder,
            rules: std::slice::from_ref(&pack.rules),
        })
        .collect();
    load(None, None, &packs)
}

#[test]
fn packs_keep_their_own_receivers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = two(folder.path(), ["one", "two"]);
    let loaded = load_packs(&packs).expect("valid");
    let receivers = loaded.config.receivers.iter();
    let names: Vec<&str> = receivers.map(|receiver| receiver.name.as_str()).collect();
    assert_eq!(names, ["unrouted", "one/mail", "two/mail"]);
    let alone = load_packs(&packs[..1]).expect("valid");
    assert!(
        alone.config.receiver("mail").is_some(),
        "names stay as they are written"
    );
}

#[test]
fn packs_that_cannot_be_told_apart_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = load_packs(&two(folder.path(), ["same", "same"])).expect_err("refused");
    assert!(error.to_string().contains("system: two"), "{error}");
}

#[test]
fn an_escalation_to_nobody_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = [pack(folder.path(), "one", "mail")];
    let text = "escalations: [{name: e, steps: [{after: 5m, receiver: male}]}]";
    std::fs::write(folder.path().join(INCIDENTS_FILE), text).expect("written");
    let error = load_packs(&packs).expect_err("refused");
    assert!(error.to_string().contains("there are: mail"), "{error}");
}

#[test]
fn a_pack_escalates_its_own_alerts_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = two(folder.path(), ["one", "two"]);
    let text = "escalations: [{name: e, steps: [{after: 5m, receiver: mail}]}]\n\
                heartbeats: [{name: h, alert: Watchdog, url: 'http://h/'}]\n";
    std::fs::write(packs[1].folder.join(INCIDENTS_FILE), text).expect("written");
    let policy = load_packs(&packs).expect("valid").policy;
    let alert = |system| Labels::from_pairs([("alertname", "Watchdog"), ("system", system)]);
    assert!(policy.escalation_for(&alert("one")).is_none());
    let escalation = policy.escalation_for(&alert("two")).expect("its own");
    assert_eq!(
        (escalation.name.as_str(), escalation.steps[0].receiver.as_str()),
        ("two/e", "two/mail")
    );
    let heartbeat = &policy.heartbeats[0];
    assert_eq!(heartbeat.name, "two/h");
    assert_eq!(
        [heartbeat.is_alert(&alert("one")), heartbeat.is_alert(&alert("two"))],
        [false, true]
    );
}

/// The packs that come with Skopos, alone and together.
#[test]
fn the_packs_escalate_beat_and_aim() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let names = ["arbitrage", "dawsos", "recommender", "somaagent", "somaagent01"];
    let packs: Vec<Pack> = names
        .iter()
        .map(|name| {
            let folder = root.join(name);
            let path = folder.join("alerts.yml");
            let text = std::fs::read_to_string(&path).expect("the pack has alerts");
            let rules = skopos_rules::parse_rule_file(&text, "alerts.yml").expect("valid");
            Pack { folder, rules }
        })
        .collect();
    for (name, pack) in names.iter().zip(&packs) {
        let loaded = load_packs(std::slice::from_ref(pack)).expect(name);
        let policy = &loaded.policy;
        assert_eq!(policy.target_ms, Some(15 * 60 * 1000), "{name}");
        let critical = Labels::from_pairs([("alertname", "Any"), ("severity", "critical")]);
        let escalation = policy.escalation_for(&critical).expect(name);
        assert!(
            escalation.steps.len() > 1,
            "{name}: somebody else must be told in the end"
        );
        assert_eq!(policy.heartbeats.len(), 1, "{name}");
        let address = format!("http://127.0.0.1:9099/{name}/heartbeat");
        assert_eq!(policy.heartbeats[0].url, skopos_incidents::HeartbeatUrl::Url(address));
        assert!(policy.fires_always("Watchdog"), "{name}");
    }
    let together = load_packs(&packs).expect("they load together");
    assert_eq!(together.policy.heartbeats.len(), names.len());
}
