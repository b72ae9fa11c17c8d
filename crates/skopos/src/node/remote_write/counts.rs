//! What a queue did, for resharding and for those who look.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use skopos_remote_write::Load;

/// Sums since the queue began.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) read: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) sending_us: AtomicU64,
    /// Time of the newest sample read, in milliseconds since the Unix epoch.
    pub(super) newest_read_ms: AtomicI64,
    /// Time of the newest sample sent.
    pub(super) newest_sent_ms: AtomicI64,
    /// When a request was last taken.
    pub(super) last_success_ms: AtomicI64,
    /// The last request was not taken and is made again.
    pub(super) is_failing: AtomicBool,
    /// When it last failed, and how.
    pub(super) last_error: Mutex<Option<(i64, String)>>,
}

/// Sums at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    read: u64,
    dropped: u64,
    sent: u64,
    sending_us: u64,
}

impl Counts {
    pub(super) fn sums(&self) -> Sums {
        let get = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        Sums {
            read: get(&self.read),
            dropped: get(&self.dropped),
            sent: get(&self.sent),
            sending_us: get(&self.sending_us),
        }
    }

    /// An item that is to be sent was read. What came before the first counts as sent.
    pub(super) fn note_read(&self, timestamp_ms: i64) {
        if self.read.fetch_add(1, Ordering::Relaxed) == 0 {
            self.newest_sent_ms.fetch_max(timestamp_ms, Ordering::Relaxed);
        }
        self.newest_read_ms.fetch_max(timestamp_ms, Ordering::Relaxed);
    }

    /// How far what was sent is behind what was read; nothing where nothing was read.
    pub(super) fn behind(&self) -> Duration {
        let read_ms = self.newest_read_ms.load(Ordering::Relaxed);
        let sent_ms = self.newest_sent_ms.load(Ordering::Relaxed);
        if read_ms == 0 || sent_ms == 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(u64::try_from(read_ms.saturating_sub(sent_ms)).unwrap_or(0))
    }
}

impl Sums {
    /// What happened since `before`, `elapsed` ago.
    pub(super) fn since(self, before: Self, elapsed: Duration, behind: Duration) -> Load {
        Load {
            elapsed,
            read: self.read - before.read,
            dropped: self.dropped - before.dropped,
            sent: self.sent - before.sent,
            sending: Duration::from_micros(self.sending_us - before.sending_us),
            behind,
        }
    }
}
