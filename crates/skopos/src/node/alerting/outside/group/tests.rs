//! Which addresses get alerts and with which labels, and who gives way when too many wait.

use std::path::Path;

use serde_json::json;
use skopos_config::PrometheusConfig;

use super::*;

/// The group of the only item of a configuration.
fn group(text: &str) -> Arc<Group> {
    // Another test may have been the first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = PrometheusConfig::parse(text, Path::new("/etc/prometheus.yml")).expect(text);
    let section = OutsideSection::of(&config).pop().expect("there is an item");
    Group::start(section).expect("it can be built")
}

fn targets(addresses: &[&str]) -> TargetGroup {
    TargetGroup {
        targets: addresses.iter().map(|address| (*address).to_owned()).collect(),
        labels: [("zone".to_owned(), "z1".to_owned())].into(),
    }
}

#[tokio::test]
async fn addresses_are_relabelled_to_urls() {
    let group = group(
        "alerting:
  alertmanagers:
  - scheme: https
    path_prefix: /am/
    relabel_configs:
    - {source_labels: [__address__], regex: 'old.*', action: drop}
    - {source_labels: [__address__], regex: 'plain(.*)', target_label: __scheme__, replacement: http}
    - {source_labels: [zone, __address__], regex: 'z1;moved:9', target_label: __alerts_path__, replacement: /v2/x}
    - {source_labels: [__address__], regex: 'nobody.*', target_label: __address__, replacement: ''}
",
    );
    let judged = group.judge(&targets(&["a:1", "old:1", "plain:2", "moved:9", "nobody:1", "h/x"]));
    let active = |url: &str| Judged::Active(url.to_owned());
    assert_eq!(
        judged,
        [
            active("https://a:1/am/api/v2/alerts"),
            Judged::Dropped("https://old:1/am/api/v2/alerts".to_owned()),
            active("http://plain:2/am/api/v2/alerts"),
            active("https://moved:9/v2/x"),
        ]
    );
}

#[tokio::test]
async fn alerts_are_relabelled_by_the_file_then_by_the_item() {
    let group = group(
        "alerting:
  alert_relabel_configs:
  - {regex: replica, action: labeldrop}
  alertmanagers:
  - alert_relabel_configs:
    - {source_labels: [replica, severity], regex: ';info', action: drop}
",
    );
    let alert = |severity: &str| PostableAlert {
        labels: [("alertname", "A"), ("replica", "r1"), ("severity", severity)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..PostableAlert::default()
    };
    let kept = Labels::from_pairs([("alertname", "A"), ("severity", "page")]);
    assert_eq!(group.relabel(&alert("page")), Some(kept));
    assert_eq!(group.relabel(&alert("info")), None);
}

#[tokio::test]
async fn an_address_found_twice_and_found_again_is_one_peer() {
    let group = group("alerting: {alertmanagers: [{}]}");
    group.sync(&[targets(&["a:1", "a:1", "b:1"])]);
    let before = group.peers();
    assert_eq!(group.active().len(), 2);
    group.sync(&[targets(&["a:1"])]);
    assert!(Arc::ptr_eq(&before[0], &group.peers()[0]), "it keeps what waits");
    assert_eq!(group.active(), ["http://a:1/api/v2/alerts"]);
}

#[tokio::test]
async fn the_oldest_give_way() {
    let group = group("alerting: {alertmanagers: [{}]}");
    // Nothing is sent while this test does not wait.
    let peer = Peer::start("http://127.0.0.1:1/".to_owned(), group.sending.clone());
    peer.push((0..CAPACITY + 5).map(|number| json!(number)).collect());
    assert_eq!((peer.waiting().len(), &peer.waiting()[0]), (CAPACITY, &json!(5)));
    peer.push(vec![json!("newest")]);
    assert_eq!(peer.waiting().last(), Some(&json!("newest")));
    assert_eq!(peer.waiting().len(), CAPACITY);
}
