//! `remote_read`: queries ask outside stores for what the own store does not have.
//!
//! ```text
//!   query ─▶ Fanout ─▶ the own store ──────────────┐
//!              └─▶ each Remote ─ POST ─▶ answer ───┴▶ merged, own samples first
//! ```
//!
//! The rules are Prometheus': which remotes are asked and for what says [`remote::Remote::question`]; a remote that
//! fails leaves a warning on the query and nothing else.

mod answer;
mod client;
mod fanout;
mod metrics;
mod remote;

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::sources::Loaded;
pub(super) use fanout::Fanout;
use remote::Remote;

/// The remotes that are read, as the configuration in force has them.
#[derive(Debug, Default)]
pub(super) struct RemoteReads(ArcSwap<Vec<Arc<Remote>>>);

/// Remotes of a configuration, ready to be switched to.
#[derive(Debug)]
pub(super) struct Prepared(Vec<Arc<Remote>>);

impl RemoteReads {
    /// The remotes of a configuration. Those that stay as they are stay the same.
    pub(super) fn prepare(&self, loaded: &Loaded) -> anyhow::Result<Prepared> {
        remote::all_of(&loaded.config, &self.0.load()).map(Prepared)
    }

    /// Switches to others.
    pub(super) fn apply(&self, prepared: Prepared) {
        self.0.store(Arc::new(prepared.0));
    }
}
