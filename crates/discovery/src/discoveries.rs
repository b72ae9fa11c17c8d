//! All sources of one section: of a scrape job, or of a group of Alertmanagers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use skopos_config::{OtherSdConfig, SdConfigs, TargetGroup};
use skopos_http_client::{ClientOptions, HttpClient, HttpClientError};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::source::Output;
use crate::{consul, dns, docker, ec2, file, http, kubernetes};

/// What requests call us.
const USER_AGENT: &str = concat!("Skopos/", env!("CARGO_PKG_VERSION"));
/// Changes that may wait; a source whose change does not fit waits itself.
const MAX_WAITING_CHANGES: usize = 16;

/// Follows all sources of one section. Dropped, it asks no more.
#[derive(Debug)]
pub struct Discoveries {
    changes: mpsc::Receiver<(usize, Vec<TargetGroup>)>,
    groups: BTreeMap<usize, Vec<TargetGroup>>,
    sources: usize,
    _stop: DropGuard,
}

impl Discoveries {
    /// Begins to ask, on tasks of its own; relative file names start at `folder`.
    pub fn start(configs: &SdConfigs, folder: &Path) -> Self {
        let (sender, changes) = mpsc::channel(MAX_WAITING_CHANGES);
        let stop = CancellationToken::new();
        let mut starter = Starter {
            folder,
            sender,
            stop: stop.clone(),
            // What is written in the configuration is the first source.
            sources: 1,
        };
        starter.start(configs);
        Self {
            changes,
            groups: BTreeMap::from([(0, configs.static_configs.clone())]),
            sources: starter.sources,
            _stop: stop.drop_guard(),
        }
    }

    /// Waits for a change and gives the groups of all sources; the first time when each has answered
    /// once, so that until then no target counts as gone. `None` if nothing will ever change again.
    /// May be dropped and called anew: no change is lost.
    pub async fn changed(&mut self) -> Option<Vec<TargetGroup>> {
        if self.sources == 1 {
            // Nothing but the configuration: it is told once.
            self.sources = 0;
            return self.groups.remove(&0);
        }
        loop {
            let (index, found) = self.changes.recv().await?;
            self.groups.insert(index, found);
            if self.groups.len() == self.sources {
                return Some(self.groups.values().flatten().cloned().collect());
            }
        }
    }
}

/// Starts the sources one by one.
struct Starter<'a> {
    folder: &'a Path,
    sender: mpsc::Sender<(usize, Vec<TargetGroup>)>,
    stop: CancellationToken,
    sources: usize,
}

impl Starter<'_> {
    fn start(&mut self, configs: &SdConfigs) {
        for config in &configs.file_sd_configs {
            let discovery = file::FileDiscovery::new(config, self.folder);
            let output = self.output();
            tokio::spawn(file::follow(discovery, output));
        }
        for (key, others) in &configs.others {
            for config in others {
                self.start_other(key, config);
            }
        }
    }

    fn start_other(&mut self, key: &str, config: &OtherSdConfig) {
        let start = match key {
            "consul_sd_configs" => consul::start,
            "dns_sd_configs" => dns::start,
            "docker_sd_configs" => docker::start,
            "ec2_sd_configs" => ec2::start,
            "aws_sd_configs" if matches!(config.values().text("role"), "" | "ec2") => ec2::start,
            "http_sd_configs" => http::start,
            "kubernetes_sd_configs" => kubernetes::start,
            // The configuration's reader has warned of it.
            _ => return,
        };
        let setup = Setup {
            config: config.clone(),
            folder: self.folder.to_owned(),
        };
        start(setup, self.output());
    }

    fn output(&mut self) -> Output {
        let output = Output::new(self.sources, self.sender.clone(), self.stop.clone());
        self.sources += 1;
        output
    }
}

/// What a source is made from.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) config: OtherSdConfig,
    /// Where relative file names start.
    pub(crate) folder: PathBuf,
}

impl Setup {
    /// The client of the settings.
    pub(crate) fn client(&self) -> Result<HttpClient, HttpClientError> {
        HttpClient::new(self.config.http_client(), self.options())
    }

    pub(crate) fn options(&self) -> ClientOptions<'_> {
        client_options(&self.folder)
    }
}

/// What the settings of a source do not say.
pub(crate) fn client_options(folder: &Path) -> ClientOptions<'_> {
    ClientOptions {
        folder,
        user_agent: USER_AGENT,
        compression: true,
    }
}
