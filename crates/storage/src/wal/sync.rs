//! Group commit: who waits for the disk, and the thread that syncs at an interval.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Shared;
use crate::telemetry;
use crate::{Offset, StorageError, error_text};

/// One sync at a time, and how far the last one reached.
#[derive(Debug, Default)]
pub(super) struct Syncer {
    /// Everything below is on the disk.
    synced: Mutex<Offset>,
}

impl Shared {
    /// Returns when the record at `offset` is on the disk. Callers that wait for one another's
    /// sync find their record covered by it.
    pub(super) fn sync_through(&self, offset: Offset) -> Result<(), StorageError> {
        let mut synced = self.syncer.synced.lock();
        if *synced > offset {
            return Ok(());
        }
        *synced = self.sync_files()?;
        Ok(())
    }

    /// Brings everything appended so far to the disk.
    pub(super) fn sync(&self) -> Result<(), StorageError> {
        let mut synced = self.syncer.synced.lock();
        *synced = self.sync_files()?;
        Ok(())
    }

    fn sync_files(&self) -> Result<Offset, StorageError> {
        let (files, next) = self.writer.lock().take_unsynced();
        if files.is_empty() {
            return Ok(next);
        }
        telemetry::WAL_FSYNCS.with_label_values(&[self.options.signal]).inc();
        for file in &files {
            if let Err(source) = file.sync_data() {
                telemetry::WAL_FAILURES
                    .with_label_values(&[self.options.signal, "fsync"])
                    .inc();
                let mut writer = self.writer.lock();
                writer.give_back_unsynced(files);
                return Err(StorageError::io("sync", writer.active_path(), source));
            }
        }
        Ok(next)
    }
}

/// Syncs at an interval until dropped.
#[derive(Debug)]
pub(super) struct SyncThread {
    stop: Arc<(Mutex<bool>, Condvar)>,
    handle: Option<JoinHandle<()>>,
}

impl SyncThread {
    pub(super) fn start(shared: Arc<Shared>, interval: Duration) -> Result<Self, StorageError> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&stop);
        let dir = shared.dir.clone();
        let handle = std::thread::Builder::new()
            .name("skopos-wal-sync".to_owned())
            .spawn(move || run(&shared, &signal, interval))
            .map_err(|source| StorageError::io("start the sync thread of", &dir, source))?;
        Ok(Self {
            stop,
            handle: Some(handle),
        })
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("the sync thread of the write-ahead log panicked");
        }
    }
}

fn run(shared: &Shared, stop: &(Mutex<bool>, Condvar), interval: Duration) {
    let mut stopped = stop.0.lock();
    while !*stopped {
        stop.1.wait_for(&mut stopped, interval);
        if let Err(error) = shared.sync() {
            tracing::error!(
                error = error_text(&error),
                "the write-ahead log could not be synced to the disk"
            );
        }
    }
}
