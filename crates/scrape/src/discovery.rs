//! Where target groups come from: written in the configuration, or in files.
//!
//! A [`Discovery`] is asked now and then; it does its own file I/O and never waits for anything
//! else, so it runs on a blocking thread. [`Discoveries`] follows all those of one section.

mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use skopos_config::{SdConfigs, TargetGroup};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

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

/// The discoveries of a section; relative file names start at `folder`.
fn discoveries(configs: &SdConfigs, folder: &Path) -> Vec<Box<dyn Discovery>> {
    let mut all: Vec<Box<dyn Discovery>> = vec![Box::new(StaticDiscovery::new(configs.static_configs.clone()))];
    for config in &configs.file_sd_configs {
        all.push(Box::new(FileDiscovery::new(config, folder)));
    }
    all
}

/// Changes that may wait; a discovery whose change does not fit waits itself.
const MAX_WAITING_CHANGES: usize = 16;

/// Follows all discoveries of one section: of a scrape job, or of a group of Alertmanagers. Dropped,
/// it asks no more.
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
        let sources = discoveries(configs, folder);
        let count = sources.len();
        for (index, source) in sources.into_iter().enumerate() {
            tokio::spawn(watch(source, index, sender.clone(), stop.clone()));
        }
        Self {
            changes,
            groups: BTreeMap::new(),
            sources: count,
            _stop: stop.drop_guard(),
        }
    }

    /// Waits for a change and gives the groups of all sources; the first time when each has answered
    /// once, so that until then no target counts as gone. `None` if nothing will ever change again.
    /// May be dropped and called anew: no change is lost.
    pub async fn changed(&mut self) -> Option<Vec<TargetGroup>> {
        loop {
            let (index, found) = self.changes.recv().await?;
            self.groups.insert(index, found);
            if self.groups.len() == self.sources {
                return Some(self.groups.values().flatten().cloned().collect());
            }
        }
    }
}

/// Asks one discovery again and again and passes on what it finds.
async fn watch(
    mut source: Box<dyn Discovery>,
    index: usize,
    changes: mpsc::Sender<(usize, Vec<TargetGroup>)>,
    stop: CancellationToken,
) {
    loop {
        let asked = tokio::task::spawn_blocking(move || {
            let found = source.poll();
            (source, found)
        });
        let Ok((returned, found)) = asked.await else { return };
        source = returned;
        if let Some(groups) = found
            && changes.send((index, groups)).await.is_err()
        {
            return;
        }
        let Some(pause) = source.poll_interval() else { return };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
