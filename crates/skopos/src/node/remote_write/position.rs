//! Files that say how far queues are. Shards write their part of it in place, twice for each request, so
//! it is not synced: a killed process loses nothing, a power cut sends a little again.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use parking_lot::Mutex;
use skopos_remote_write::{Place, Progress, ShardProgress};
use skopos_storage::Offset;
use skopos_storage::atomic::replace_file;

const ENDING: &str = ".position";

/// How far a queue is, in memory and in its file.
#[derive(Debug)]
pub(super) struct Position {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    progress: Progress,
    file: File,
}

impl Position {
    /// Takes up what the file of `key` says, or begins with what `begin` gives.
    pub(super) fn open(
        folder: &Path,
        key: &str,
        next: Offset,
        begin: impl FnOnce() -> anyhow::Result<Progress>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let path = path_of(folder, key);
        let progress = match read(&path, next) {
            Some(progress) => progress,
            None => begin()?,
        };
        let file = write(&path, &progress)?;
        Ok(Self {
            path,
            inner: Mutex::new(Inner { progress, file }),
        })
    }

    /// How far it is now.
    pub(super) fn progress(&self) -> Progress {
        self.inner.lock().progress.clone()
    }

    /// From where on the log is needed.
    pub(super) fn learn_from(&self) -> Offset {
        self.inner.lock().progress.learn_from
    }

    /// Notes that a request that ends at `end` is about to be made.
    pub(super) fn sending(&self, shard: usize, end: Place) {
        self.update(shard, |progress| progress.sending = end);
    }

    /// Notes that everything of a shard before `end` is dealt with.
    pub(super) fn done(&self, shard: usize, end: Place) {
        self.update(shard, |progress| {
            progress.done = progress.done.max(end);
            progress.sending = progress.sending.max(progress.done);
        });
    }

    fn update(&self, shard: usize, change: impl FnOnce(&mut ShardProgress)) {
        let mut inner = self.inner.lock();
        let Inner { progress, file } = &mut *inner;
        let Some(one) = progress.shards.get_mut(shard) else {
            return;
        };
        let before = *one;
        change(one);
        if *one == before {
            return;
        }
        if let Err(error) = file.write_all_at(&one.encode(), Progress::shard_at(shard)) {
            tracing::error!(%error, file = %self.path.display(), "failed to note how far a remote write queue is");
        }
    }

    /// Puts other progress in place, as a whole and synced.
    pub(super) fn replace(&self, change: impl FnOnce(&mut Progress)) -> anyhow::Result<()> {
        let mut inner = self.inner.lock();
        change(&mut inner.progress);
        inner.file = write(&self.path, &inner.progress)?;
        Ok(())
    }
}

fn path_of(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!("{key}{ENDING}"))
}

/// What cannot be read is told; the queue begins with what comes from now on.
fn read(path: &Path, next: Offset) -> Option<Progress> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::error!(%error, file = %path.display(), "failed to read how far a remote write queue is; it begins anew");
            return None;
        }
    };
    match Progress::decode(&bytes, next) {
        Ok(progress) => Some(progress),
        Err(error) => {
            tracing::error!(file = %path.display(), "{error}; it begins anew");
            None
        }
    }
}

fn write(path: &Path, progress: &Progress) -> anyhow::Result<File> {
    replace_file(path, &progress.encode())?;
    OpenOptions::new()
        .write(true)
        .open(path)
        .with_context(|| format!("failed to open {}", path.display()))
}

/// The remotes whose files are there.
pub(super) fn stored_keys(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned))
        .collect()
}

/// Removes the file of a remote.
pub(super) fn forget(folder: &Path, key: &str) {
    let path = path_of(folder, key);
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::error!(%error, file = %path.display(), "failed to remove a file");
    }
}
