//! The landing zone: each batch as a file of JSON lines, in a folder with a quota.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::events::Interaction;

/// Name of the folder in metrics.
pub(super) const VOLUME: &str = "landing";
/// Share of the quota that batches keep after the compaction.
const KEPT_SHARE: f64 = 0.05;
/// Share of the quota that a forgotten dump fills.
const DUMP_SHARE: f64 = 0.92;
/// The dump beside the batches.
const DUMP: &str = "debug.dump";
/// A folder that is not there: what a volume looks like that was taken away.
const DETACHED: &str = "detached";
/// Bytes of the dump that are written at one time.
const BLOCK: usize = 64 * 1024;

/// The folder; it goes with the process.
#[derive(Debug)]
pub(super) struct Landing {
    folder: TempDir,
    quota: u64,
    next: u64,
}

impl Landing {
    pub(super) fn new(quota: u64) -> io::Result<Self> {
        Ok(Self {
            folder: TempDir::with_prefix("recommender-landing-")?,
            quota,
            next: 0,
        })
    }

    pub(super) fn quota(&self) -> u64 {
        self.quota
    }

    /// Bytes of all files.
    pub(super) fn used(&self) -> io::Result<u64> {
        let mut used = 0;
        for entry in self.folder.path().read_dir()? {
            used += entry?.metadata()?.len();
        }
        Ok(used)
    }

    /// Writes a batch as one file. Where `is_detached`, the volume is not there.
    pub(super) fn write(&mut self, batch: &[Interaction], is_detached: bool) -> io::Result<()> {
        let mut lines = Vec::new();
        for interaction in batch {
            serde_json::to_writer(&mut lines, interaction)?;
            lines.push(b'\n');
        }
        if self.used()? + lines.len() as u64 > self.quota {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                format!(
                    "{} bytes do not fit into the quota of {} bytes",
                    lines.len(),
                    self.quota
                ),
            ));
        }
        let folder = if is_detached {
            self.folder.path().join(DETACHED)
        } else {
            self.folder.path().to_owned()
        };
        // Numbers of one width sort by age.
        let name = format!("batch-{:012}.jsonl", self.next);
        File::create(folder.join(name))?.write_all(&lines)?;
        self.next += 1;
        Ok(())
    }

    /// Removes the oldest batches until the rest is within its share; how many went.
    pub(super) fn compact(&self) -> io::Result<usize> {
        let mut batches = self.batches()?;
        batches.sort();
        let mut total: u64 = batches.iter().map(|(_, bytes)| bytes).sum();
        let allowed = (self.quota as f64 * KEPT_SHARE) as u64;
        let mut removed = 0;
        for (path, bytes) in batches {
            if total <= allowed {
                break;
            }
            std::fs::remove_file(path)?;
            total -= bytes;
            removed += 1;
        }
        Ok(removed)
    }

    fn batches(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut batches = Vec::new();
        for entry in self.folder.path().read_dir()? {
            let entry = entry?;
            if entry.file_name() != DUMP {
                batches.push((entry.path(), entry.metadata()?.len()));
            }
        }
        Ok(batches)
    }

    /// Leaves a dump behind that fills most of the quota, or takes it away. Does nothing where that is so already.
    pub(super) fn dump(&self, is_wanted: bool) -> io::Result<()> {
        let path = self.folder.path().join(DUMP);
        match (is_wanted, path.exists()) {
            (true, false) => fill(
                &path,
                (self.quota as f64 * DUMP_SHARE) as u64 - self.used()?.min(self.quota / 2),
            ),
            (false, true) => std::fs::remove_file(path),
            _ => Ok(()),
        }
    }
}

fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(BLOCK, File::create(path)?);
    let block = vec![0x2e; BLOCK];
    for _ in 0..bytes / BLOCK as u64 {
        file.write_all(&block)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Action;

    fn batch(count: u32) -> Vec<Interaction> {
        (0..count)
            .map(|item| Interaction {
                tenant_id: "acme-video".to_owned(),
                user: 1,
                item,
                action: Action::View,
            })
            .collect()
    }

    #[test]
    fn a_batch_is_a_file_and_the_oldest_go_first() {
        let mut landing = Landing::new(200_000).expect("a folder");
        for _ in 0..20 {
            landing.write(&batch(10), false).expect("it fits");
        }
        let before = landing.used().expect("readable");
        let removed = landing.compact().expect("removable");
        assert!(removed > 0 && removed < 20, "{removed}");
        assert!(landing.used().expect("readable") <= 10_000 && before > 10_000);
        let names: Vec<PathBuf> = landing
            .batches()
            .expect("readable")
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert!(
            names.iter().any(|path| path.ends_with("batch-000000000019.jsonl")),
            "{names:?}"
        );
        assert!(!names.iter().any(|path| path.ends_with("batch-000000000000.jsonl")));
    }

    #[test]
    fn the_quota_holds() {
        let mut landing = Landing::new(1000).expect("a folder");
        let error = landing.write(&batch(100), false).expect_err("too much");
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(landing.used().expect("readable"), 0);
    }

    #[test]
    fn a_detached_volume_takes_nothing() {
        let mut landing = Landing::new(100_000).expect("a folder");
        let error = landing.write(&batch(1), true).expect_err("no such folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        landing.write(&batch(1), false).expect("it is back");
    }

    #[test]
    fn a_dump_fills_the_quota_and_goes_again() {
        let landing = Landing::new(2_000_000).expect("a folder");
        for _ in 0..2 {
            landing.dump(true).expect("writable");
        }
        let used = landing.used().expect("readable");
        assert!(used > 1_700_000 && used < 2_000_000, "{used}");
        assert_eq!(landing.compact().expect("nothing of its own"), 0);
        landing.dump(false).expect("removable");
        assert_eq!(landing.used().expect("readable"), 0);
    }
}
