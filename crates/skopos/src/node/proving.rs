//! What the server's proofs, backtests and coverage are held against: the loaded rules, the routes, the silences, the
//! incidents.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use skopos_alertmanager::silence::Silence;
use skopos_core::{Clock as _, Labels, SystemClock, TimeRange};
use skopos_prove::backtest::KnownIncident;
use skopos_prove::{ProveOptions, Prover};
use skopos_server::{LoadedRules, Proof, ProvingView};

use super::config::Configuration;
use crate::prove::{follow, prove_all};

/// Tells the receivers that an alert with these labels is sent to.
pub(super) type Receivers = Arc<dyn Fn(&Labels) -> Vec<String> + Send + Sync>;
/// Tells the silences that are active now.
pub(super) type Silences = Arc<dyn Fn() -> Vec<Silence> + Send + Sync>;
/// Tells the incidents on record that touch a range of time.
pub(super) type Incidents = Arc<dyn Fn(TimeRange) -> Vec<KnownIncident> + Send + Sync>;

/// The rules in force, and the last proof of them.
pub(super) struct Proving {
    configuration: Arc<Configuration>,
    receivers: Receivers,
    silences: Silences,
    incidents: Incidents,
    last: ArcSwapOption<Proof>,
    /// Held while rules are proven: who asks meanwhile gets the same proof.
    running: Mutex<()>,
}

impl fmt::Debug for Proving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proving")
            .field("configuration", &self.configuration)
            .finish_non_exhaustive()
    }
}

impl Proving {
    pub(super) fn new(
        configuration: Arc<Configuration>,
        receivers: Receivers,
        silences: Silences,
        incidents: Incidents,
    ) -> Self {
        Self {
            configuration,
            receivers,
            silences,
            incidents,
            last: ArcSwapOption::empty(),
            running: Mutex::new(()),
        }
    }
}

impl ProvingView for Proving {
    fn rules(&self) -> Arc<LoadedRules> {
        Arc::new(self.configuration.loaded_rules())
    }

    fn receivers(&self, labels: &Labels) -> Vec<String> {
        (self.receivers)(labels)
    }

    fn incidents(&self, range: TimeRange) -> Vec<KnownIncident> {
        (self.incidents)(range)
    }

    fn last_proof(&self) -> Option<Arc<Proof>> {
        self.last.load_full()
    }

    fn prove(&self) -> Arc<Proof> {
        let asked_ms = SystemClock.now_ms();
        let _running = self.running.lock();
        // Another caller's proof that began after this one was asked for serves as well.
        if let Some(proof) = self.last_proof().filter(|proof| proof.at_ms >= asked_ms) {
            return proof;
        }
        let at_ms = SystemClock.now_ms();
        let rules = self.configuration.loaded_rules();
        let options = ProveOptions {
            interval_ms: rules.interval_ms,
            external_labels: rules.external_labels,
            external_url: rules.external_url,
            ..ProveOptions::default()
        };
        let prover = Prover::new(&rules.files, options);
        let mut report = prove_all(&prover, &|| {});
        let loaded = self.configuration.loaded();
        if let Err(error) = follow(
            &prover,
            &mut report,
            &loaded.alerting,
            self.configuration.external_url(),
            (self.silences)(),
        ) {
            report.findings.push(format!("{error:#}"));
        }
        let proof = Arc::new(Proof {
            at_ms,
            duration_ms: SystemClock.now_ms() - at_ms,
            report,
        });
        self.last.store(Some(Arc::clone(&proof)));
        proof
    }
}
