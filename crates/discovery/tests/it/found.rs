//! Sections of discovery as written, and what they find.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use skopos_config::{PrometheusConfig, TargetGroup};
use skopos_discovery::Discoveries;
use tokio::net::TcpListener;

/// How long a change may take; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the discoveries of a job whose section is `sections`, in YAML's flow style.
pub(crate) fn discover(sections: &str, folder: &Path) -> Discoveries {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let text = format!("scrape_configs: [{{job_name: j, {sections}}}]");
    let config = PrometheusConfig::parse(&text, Path::new("prometheus.yml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, Vec::<String>::new());
    Discoveries::start(&config.scrape_configs[0].discovery, folder)
}

/// The next change.
pub(crate) async fn changed(discoveries: &mut Discoveries) -> Vec<TargetGroup> {
    tokio::time::timeout(PATIENCE, discoveries.changed())
        .await
        .expect("a change comes")
        .expect("the source goes on")
}

/// Waits until the addresses are these.
pub(crate) async fn until(discoveries: &mut Discoveries, addresses: &[&str]) -> Vec<TargetGroup> {
    loop {
        let groups = changed(discoveries).await;
        if self::addresses(&groups) == addresses {
            return groups;
        }
    }
}

pub(crate) fn addresses(groups: &[TargetGroup]) -> Vec<&str> {
    groups
        .iter()
        .flat_map(|group| &group.targets)
        .map(String::as_str)
        .collect()
}

/// The labels of the target at an address; fails where there is none.
pub(crate) fn labels_at<'a>(groups: &'a [TargetGroup], address: &str) -> &'a BTreeMap<String, String> {
    let group = groups.iter().find(|group| group.targets == [address]);
    &group
        .unwrap_or_else(|| panic!("no target at {address}: {groups:?}"))
        .labels
}

/// Checks that these are among the labels, and that those with an empty value are not.
pub(crate) fn assert_labels(labels: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(
            labels.get(*name).map_or("", String::as_str),
            *value,
            "{name} of {labels:#?}"
        );
    }
}

/// Serves on a free port; gives `host:port`.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}
