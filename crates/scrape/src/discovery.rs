//! Where target groups come from: written in the configuration, or in files.
//!
//! A [`Discovery`] is asked now and then; it does its own file I/O and never waits for anything
//! else, so it runs on a blocking thread.

mod file;

use std::path::Path;
use std::time::Duration;

use skopos_config::{SdConfigs, TargetGroup};

pub(crate) use file::FileDiscovery;

/// A source of target groups.
pub trait Discovery: Send + std::fmt::Debug {
    /// All groups as of now; `None` where nothing changed since the last call.
    fn poll(&mut self) -> Option<Vec<TargetGroup>>;

    /// How long to wait until the next call; `None` if nothing will ever change.
    fn poll_interval(&self) -> Option<Duration>;
}

/// Groups that are written in the configuration.
#[derive(Debug)]
pub(crate) struct StaticDiscovery {
    groups: Option<Vec<TargetGroup>>,
}

impl StaticDiscovery {
    pub(crate) fn new(groups: Vec<TargetGroup>) -> Self {
        Self { groups: Some(groups) }
    }
}

impl Discovery for StaticDiscovery {
    fn poll(&mut self) -> Option<Vec<TargetGroup>> {
        self.groups.take()
    }

    fn poll_interval(&self) -> Option<Duration> {
        None
    }
}

/// The discoveries of a job; relative file names start at `folder`.
pub(crate) fn discoveries(configs: &SdConfigs, folder: &Path) -> Vec<Box<dyn Discovery>> {
    let mut all: Vec<Box<dyn Discovery>> = vec![Box::new(StaticDiscovery::new(configs.static_configs.clone()))];
    for config in &configs.file_sd_configs {
        all.push(Box::new(FileDiscovery::new(config, folder)));
    }
    all
}
