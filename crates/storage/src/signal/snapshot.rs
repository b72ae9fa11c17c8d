//! Copies of a signal's live parts and manifest, as a data directory of their own.

use std::path::Path;

use super::SignalStorage;
use crate::{Manifest, StorageError};

impl SignalStorage {
    /// Makes `root` a data directory that holds the live parts of this signal and nothing of its
    /// log. Parts never change, so local ones are linked and take no room of their own. Whoever
    /// calls keeps parts from being removed meanwhile.
    pub fn copy_to(&self, root: &Path) -> Result<(), StorageError> {
        let state = self.manifest.state();
        for part in &state.parts {
            self.parts.copy_to(&part.path, &root.join("parts"))?;
        }
        let path = root.join("manifest").join(format!("{}.json", self.signal));
        Manifest::create_copy(&path, &state)
    }
}
