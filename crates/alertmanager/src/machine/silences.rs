//! Silences are made, changed and ended.

use std::sync::Arc;

use rand::RngCore as _;

use super::{Alertmanager, Change};
use crate::silence::{PostableSilence, Silence, SilenceError};

impl Alertmanager {
    /// Makes a silence, or changes the one that is named; gives the id to be used from now on.
    pub fn set_silence(&mut self, now_ms: i64, silence: PostableSilence) -> Result<String, SilenceError> {
        let rng = &mut self.rng;
        let changed = self.silences.set(now_ms, silence, || {
            let mut bytes = [0; 16];
            rng.fill_bytes(&mut bytes);
            uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
        })?;
        let id = changed.last().map(|silence| silence.id.clone()).unwrap_or_default();
        self.record_silences(&changed);
        Ok(id)
    }

    /// Ends a silence; one that has ended stays as it is.
    pub fn expire_silence(&mut self, now_ms: i64, id: &str) -> Result<(), SilenceError> {
        let changed = self.silences.expire(now_ms, id)?;
        self.record_silences(changed.as_slice());
        Ok(())
    }

    /// A silence by its id.
    pub fn silence(&self, id: &str) -> Option<&Arc<Silence>> {
        self.silences.get(id)
    }

    fn record_silences(&mut self, changed: &[Arc<Silence>]) {
        let stored = changed.iter().map(|silence| Change::PutSilence((&**silence).into()));
        self.changes.extend(stored);
    }
}
