//! A remote as the configuration has it, ready to be used.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use skopos_config::{PrometheusConfig, RemoteWriteConfig};
use skopos_core::{Labels, TenantId};
use skopos_relabel::Relabeler;
use skopos_remote_write::{Message, ReadingRules};

use super::client::Client;

/// A remote that samples are sent to.
#[derive(Debug)]
pub(super) struct Remote {
    /// The name in metrics and texts.
    pub(super) name: String,
    /// The name of its place in the log; may stand in a file's name.
    pub(super) key: String,
    /// Its URL, without a password.
    pub(super) url: String,
    pub(super) config: RemoteWriteConfig,
    pub(super) rules: ReadingRules,
    pub(super) message: Message,
    pub(super) client: Client,
}

/// The remotes of a configuration; those of `before` that stay as they are, are used on.
pub(super) fn all_of(config: &PrometheusConfig, before: &[Arc<Remote>]) -> anyhow::Result<Vec<Arc<Remote>>> {
    let external_labels = Labels::from_pairs(&config.global.external_labels);
    let mut names = BTreeSet::new();
    let mut remotes: Vec<Arc<Remote>> = Vec::new();
    for section in &config.remote_write {
        let is_twice = remotes.iter().any(|other| other.config == *section);
        if is_twice {
            bail!(
                "{}: duplicate remote write configs are not allowed, found duplicate for URL {}: remove one of them",
                config.path.display(),
                shown_url(&section.url)
            );
        }
        let name = name_of(&section.name, &section.url, &names);
        names.insert(name.clone());
        let is_same = |remote: &&Arc<Remote>| {
            remote.name == name && remote.config == *section && remote.rules.external_labels == external_labels
        };
        let remote = match before.iter().find(is_same) {
            Some(remote) => Arc::clone(remote),
            None => Arc::new(
                Remote::new(name, section, external_labels.clone(), config)
                    .with_context(|| format!("remote_write to {}", shown_url(&section.url)))?,
            ),
        };
        remotes.push(remote);
    }
    Ok(remotes)
}

impl Remote {
    fn new(
        name: String,
        section: &RemoteWriteConfig,
        external_labels: Labels,
        config: &PrometheusConfig,
    ) -> anyhow::Result<Self> {
        let message = Message::of(&section.protobuf_message)
            .with_context(|| format!("protobuf_message {:?} is not known", section.protobuf_message))?;
        Ok(Self {
            key: url::form_urlencoded::byte_serialize(name.as_bytes()).collect(),
            name,
            url: shown_url(&section.url),
            rules: ReadingRules {
                tenant: TenantId::default(),
                external_labels,
                relabeler: Relabeler::new(&section.write_relabel_configs)?,
                exemplars: section.send_exemplars,
                native_histograms: section.send_native_histograms,
                age_limit: section.queue_config.sample_age_limit,
            },
            message,
            client: Client::new(section, &config.folder())?,
            config: section.clone(),
        })
    }
}

/// The name of a section; of its URL where it has none, so that other settings may change.
pub(in crate::node) fn name_of(name: &str, url: &str, taken: &BTreeSet<String>) -> String {
    if !name.is_empty() {
        return name.to_owned();
    }
    let hash = Labels::from_pairs([("url", url)]).fingerprint();
    let name = format!("{:06x}", hash & 0xff_ffff);
    let with_number = |number: u32| format!("{name}-{number}");
    let mut numbered = (2..).map(with_number);
    let mut free = name.clone();
    while taken.contains(&free) {
        free = numbered.next().unwrap_or_default();
    }
    free
}

/// A URL without its password.
pub(in crate::node) fn shown_url(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else {
        return url.to_owned();
    };
    if url.password().is_some() && url.set_password(Some("xxxxx")).is_err() {
        return "a URL with a password and without a host".to_owned();
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = PrometheusConfig::parse(text, Path::new("p.yml")).map_err(|error| error.to_string())?;
        let remotes = all_of(&config, &[]).map_err(|error| format!("{error:#}"))?;
        Ok(remotes.iter().map(|remote| remote.name.clone()).collect())
    }

    #[test]
    fn remotes_without_a_name_are_known_by_their_url() {
        let one = names("remote_write: [{url: 'http://a/', remote_timeout: 1s}]").expect("good");
        let same = names("remote_write: [{url: 'http://a/', remote_timeout: 2s}, {url: 'http://a/'}]").expect("good");
        assert_eq!(one[0], same[0]);
        assert_eq!(same[1], format!("{}-2", one[0]));
        let error = names("remote_write: [{url: 'http://u:p@a/'}, {url: 'http://u:p@a/'}]").expect_err("twice");
        assert!(error.contains("found duplicate for URL http://u:xxxxx@a/"), "{error}");
    }

    #[test]
    fn what_stays_is_used_on() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let parse = |text: &str| PrometheusConfig::parse(text, Path::new("p.yml")).expect("good");
        let first = all_of(&parse("remote_write: [{url: 'http://a/', name: a/b}]"), &[]).expect("good");
        assert_eq!(first[0].key, "a%2Fb");
        let same = all_of(&parse("remote_write: [{url: 'http://a/', name: a/b}]"), &first).expect("good");
        assert!(Arc::ptr_eq(&first[0], &same[0]));
        let text = "{global: {external_labels: {x: y}}, remote_write: [{url: 'http://a/', name: a/b}]}";
        let other = all_of(&parse(text), &first).expect("good");
        assert!(!Arc::ptr_eq(&first[0], &other[0]));
    }
}
