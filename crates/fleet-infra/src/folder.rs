//! Where a store keeps its data: below the temporary folder, one place for each supervisor, so that a store that was
//! killed finds its data again, and gone when the supervisor is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_log_macros::{self as log, chain};

use crate::program::needed;

const PREFIX: &str = "skopos-infra-";

/// Where data is.
#[derive(Debug, Clone, Args)]
pub(crate) struct FolderArgs {
    /// Folder for the data, which stays. Without it: one below the temporary folder, removed at the end.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// The folder of one store.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl FolderArgs {
    /// Makes the folder of the store `name`.
    pub(crate) fn open(&self, name: &str) -> Result<Folder, FleetError> {
        let folder = if let Some(path) = &self.data {
            Folder {
                path: path.clone(),
                is_temporary: false,
            }
        } else {
            remove_orphans(&std::env::temp_dir());
            let supervisor = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
            Folder {
                path: std::env::temp_dir().join(format!("{PREFIX}{supervisor}")).join(name),
                is_temporary: true,
            }
        };
        fs::create_dir_all(&folder.path)
            .map_err(|source| needed(format!("make the folder {}", folder.path.display()), source))?;
        Ok(folder)
    }
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it if it was made for this run.
    pub(crate) fn close(self) {
        if !self.is_temporary {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            log::warn!(error = chain(&error), folder = %self.path.display(), "the folder could not be removed");
        }
        if let Some(parent) = self.path.parent() {
            // Another store may still be in it.
            drop(fs::remove_dir(parent));
        }
    }
}

/// Removes the folders of supervisors that no longer live; they were killed.
fn remove_orphans(below: &Path) {
    let Ok(entries) = fs::read_dir(below) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let is_dead = pid
            .parse::<u32>()
            .is_ok_and(|pid| !Path::new("/proc").join(pid.to_string()).exists());
        // Somebody else's folder refuses, which is right.
        let removed = if is_dead {
            fs::remove_dir_all(entry.path())
        } else {
            Ok(())
        };
        if let Err(error) = removed.or_else(ignore_missing) {
            log::debug!(error = chain(&error), folder = %entry.path().display(), "an orphaned folder stays");
        }
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}
