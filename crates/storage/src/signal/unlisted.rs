//! Parts that were written for nothing.

use super::SignalStorage;
use crate::error_text;
use crate::part::PartMeta;

impl SignalStorage {
    /// Removes parts that were written for a commit that failed, so that trying again on a full
    /// disk does not add to it. What the manifest lists, by a commit that failed late, stays.
    pub fn discard_unlisted(&self, written: &[PartMeta]) {
        let listed = match self.manifest.reread() {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(
                    error = error_text(&error),
                    "parts without a manifest entry stay until the next start"
                );
                return;
            }
        };
        for part in written {
            if listed.parts.iter().any(|listed| listed.path == part.path) {
                continue;
            }
            if let Err(error) = self.parts.remove(&part.path, "orphan") {
                tracing::warn!(
                    part = part.path,
                    error = error_text(&error),
                    "a part without a manifest entry stays until the next start"
                );
            }
        }
    }
}
